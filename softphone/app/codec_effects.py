"""What a decoder of VLC can do on the way, as its parameters are a spectrum already: `softphone codec decode --pitch ...`."""

from dsp.codecs import Decoder
from dsp.codecs.vlc import VlcDecoder
from dsp.codecs.vlc.effects import Effects
from dsp.codecs.vlc.model import FRAME_MS
from softphone.app.codec_named import NamedCodec
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.vlc_file import MODELS
from softphone.measure_config import SpectralChange


def changing_decoder(codec: NamedCodec, change: SpectralChange) -> Decoder:
    """A decoder of *codec* that changes what it decodes.

    Raises:
        UsageError: a codec without a spectrum to change, or a number out of range.
    """
    model = MODELS.get(codec.spec.name)
    if model is None:
        raise UsageError(
            f"--shift, --pitch, --equalise and --denoise are for {' and '.join(MODELS)}, got {codec.name}: "
            "decode it, and see `softphone filter --list` for the sound file"
        )
    with told_to_the_user(codec.name):
        effects = Effects(
            model,
            hop_ms=FRAME_MS,
            frequency_shift_hz=change.shift_hz,
            pitch_ratio=change.pitch_ratio,
            equaliser_db=dict(change.equaliser_db),
            noise_reduction_db=change.denoise_db,
        )
    return VlcDecoder(model, codec.settings, effects=effects)

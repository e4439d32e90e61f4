"""Printed values of RFC 3711 appendix B, RFC 6188 section 7, RFC 7714 sections 16 and 17, and of libsrtp's own test driver."""

import pytest

pytest.importorskip("cryptography", reason="the twin of SRTP needs the package cryptography")

from support.srtp_twin import CmKeys, GcmKeys, derive, keys_of, keystream

from softphone.rtp.srtp import SUITES, SrtpReceiver, SrtpSender, SrtpStats, key_bytes

hexa = bytes.fromhex

KEY_128, KEY_256 = bytes(range(16)), bytes(range(32))
SALT = b"Quid pro quo"
RTP = hexa("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
RTCP = hexa(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)
PLAIN = hexa("800f1234decafbadcafebabe") + b"\xab" * 16
"""The packet of libsrtp's test driver."""


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [  # RFC 3711 appendix B.2 and RFC 6188 section 7.1
        (
            "2B7E151628AED2A6ABF7158809CF4F3C",
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000",
            "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0",
        ),
        (
            "2B7E151628AED2A6ABF7158809CF4F3C",
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
            "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44",
        ),
        (
            "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
            "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000",
            "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31",
        ),
    ],
)
def test_the_key_stream_is_that_of_the_standard(key, counter, expected):
    assert keystream(hexa(key), hexa(counter), 48) == hexa(expected)


@pytest.mark.parametrize(
    ("key", "salt", "label", "expected"),
    [  # RFC 3711 appendix B.3
        (
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
            0,
            "C61E7A93744F39EE10734AFE3FF7A087",
        ),
        (
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
            2,
            "30CBBC08863D8C85D49DB34A9AE1",
        ),
        (
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
            1,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098"
            "6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
        ),
        # RFC 6188 section 7.2
        (
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
            0,
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
        ),
        (
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
            2,
            "fa31791685ca444a9e07c6c64e93",
        ),
        (
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
            1,
            "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
        ),
    ],
)
def test_session_keys_are_those_of_the_standard(key, salt, label, expected):
    assert derive(hexa(key), hexa(salt), label, len(expected) // 2) == hexa(expected)


@pytest.mark.parametrize(
    ("key", "sealed"),
    [  # RFC 7714 sections 16.1.1 and 16.2.1
        (
            KEY_128,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf"
            "765ee4390cce",
        ),
        (
            KEY_256,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb"
            "7878d7a76c13",
        ),
    ],
)
def test_an_rtp_packet_in_gcm_is_that_of_the_standard(key, sealed):
    assert GcmKeys(key, SALT).rtp(RTP) == RTP[:12] + hexa(sealed)


@pytest.mark.parametrize(
    ("key", "encrypted", "sealed"),
    [  # RFC 7714 sections 17.1, 17.2 and 17.3
        (
            KEY_128,
            True,
            "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa458"
            "96cf4d2fc5abf87245d9eade800005d4",
        ),
        (
            KEY_256,
            True,
            "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c"
            "4446839f57ff6f6cb26ac3be800005d4",
        ),
        (KEY_128, False, RTCP[8:].hex() + "841dd9683dd78ec92ae58790125f62b3000005d4"),
    ],
)
def test_an_rtcp_packet_in_gcm_is_that_of_the_standard(key, encrypted, sealed):
    assert GcmKeys(key, SALT).rtcp(RTCP, 0x5D4, encrypted=encrypted) == RTCP[:8] + hexa(sealed)


@pytest.mark.parametrize(
    ("suite", "master", "sealed"),
    [  # libsrtp 2, test/srtp_driver.c: srtp_validate and srtp_validate_aes_256
        (
            "AES_CM_128_HMAC_SHA1_80",
            "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
            "4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        ),
        (
            "AES_256_CM_HMAC_SHA1_80",
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2",
            "f1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b",
        ),
    ],
)
def test_a_packet_is_protected_as_libsrtp_prints_it(suite, master, sealed):
    expected = PLAIN[:12] + hexa(sealed)
    assert keys_of(suite, hexa(master)).rtp(PLAIN) == expected
    assert SrtpSender(suite, hexa(master), SrtpStats()).protect(PLAIN) == expected
    assert SrtpReceiver(suite, hexa(master), SrtpStats()).open(expected) == PLAIN


@pytest.mark.parametrize("suite", SUITES)
def test_the_library_agrees_with_the_twin_in_every_suite(suite):
    master = bytes(range(7, 7 + key_bytes(suite)))
    sender, receiver = (SrtpSender(suite, master, SrtpStats()), SrtpReceiver(suite, master, SrtpStats()))
    twin, control = keys_of(suite, master), keys_of(suite, master, rtcp=True)
    for number in (5, 6, 9):
        packet = RTP[:2] + number.to_bytes(2, "big") + RTP[4:]
        sealed = sender.protect(packet)
        assert sealed == twin.rtp(packet)
        assert receiver.open(sealed) == packet
    for index in (1, 2):
        sealed = sender.protect(RTCP)
        assert sealed == control.rtcp(RTCP, index)
        assert receiver.open(sealed) == RTCP


@pytest.mark.parametrize("suite", SUITES)
def test_the_roll_over_counter_goes_on_where_the_sequence_number_wraps(suite):
    master = bytes(range(key_bytes(suite)))
    sender, receiver = SrtpSender(suite, master, SrtpStats()), SrtpReceiver(suite, master, SrtpStats())
    twin = keys_of(suite, master)
    for index in range(0x7FFE, 0x7FFE + 3 * 0x4000, 0x1000):
        packet = RTP[:2] + (index & 0xFFFF).to_bytes(2, "big") + RTP[4:]
        sealed = sender.protect(packet)
        assert sealed == twin.rtp(packet, index >> 16)
        assert receiver.open(sealed) == packet


def test_the_tag_of_rtcp_is_long_where_that_of_rtp_is_short():
    master = bytes(30)  # RFC 4568 section 6.2.2
    sender = SrtpSender("AES_CM_128_HMAC_SHA1_32", master, SrtpStats())
    assert len(sender.protect(RTP)) == len(RTP) + 4
    assert len(sender.protect(RTCP)) == len(RTCP) + 4 + 10
    assert isinstance(keys_of("AES_CM_128_HMAC_SHA1_32", master), CmKeys)

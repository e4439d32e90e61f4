"""What measures of a voice are made from: pitch, cycles, harmonicity, cepstra, spectra and formants over time.

Conventions: times are in seconds from the left edge of the recording; sample i lies at (i + 0.5) / sample rate. A
recording is worked through in sections, so that memory does not grow with its length; a recording of up to
`dsp.phonation.section.WHOLE_S` is one section. Each contour takes sections in turn (`push`) and is whole after
`finish`.
"""

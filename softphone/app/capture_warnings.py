"""What a person should know of a capture before relying on its figures."""

from softphone.app.capture_read import CaptureContent


def warnings_of(content: CaptureContent) -> list[str]:
    """One line for each thing that is wrong with the capture, or missing from it."""
    stats, sip, rtcp, book = content.stats, content.sip, content.rtcp, content.book
    found = [
        (stats.truncated, "the file ends in the middle of a packet; what comes before was taken"),
        (
            stats.damaged,
            f"the file's own structure is broken in {stats.damaged} places; {stats.damaged_bytes} bytes were passed over",
        ),
        (
            stats.dropped_by_capture,
            f"the capturing machine says it missed {stats.dropped_by_capture} packets: losses may be its own",
        ),
        (stats.cut, f"{stats.cut} frames are cut short by the capture's snap length"),
        (
            stats.backwards,
            f"{stats.backwards} frames are stamped earlier than the one before: jitter is less sure",
        ),
        (
            content.copies,
            "streams stand in the capture twice (several interfaces, or a mirror of both sides): "
            f"{content.copies} copies were left out",
        ),
        (stats.untimed, f"{stats.untimed} frames have no time of their own"),
        (
            stats.unknown_interfaces,
            f"{stats.unknown_interfaces} frames are of an interface that the file does not describe",
        ),
        (
            stats.link_types.total(),
            "frames of link types that are not known here were passed over: "
            + ", ".join(f"{count} of type {kind}" for kind, count in sorted(stats.link_types.items())),
        ),
        (stats.bad_ip, f"{stats.bad_ip} IP packets have headers that make no sense"),
        (stats.bad_udp, f"{stats.bad_udp} UDP or TCP headers make no sense"),
        (stats.unfinished, f"{stats.unfinished} fragmented datagrams are not complete"),
        (stats.encrypted_ip, f"{stats.encrypted_ip} packets are IPsec: what is in them cannot be told"),
        (content.lost_payloads, f"{content.lost_payloads} fragmented payloads were too many to be kept"),
        (sip.unreadable, f"{sip.unreadable} SIP messages cannot be read"),
        (sip.lost_bytes, f"{sip.lost_bytes} bytes of SIP over TCP are missing"),
        (book.unreadable_sdp, f"{book.unreadable_sdp} session descriptions cannot be read"),
        (rtcp.unreadable, f"{rtcp.unreadable} RTCP packets cannot be read (encrypted, or damaged)"),
        (
            content.unresolved,
            f"{content.unresolved} packets with short RTP headers cannot be resolved: they count as lost",
        ),
        (
            content.unlikely,
            f"{content.unlikely} flows begin like RTP, but are too short or do not go on like it; they were left out",
        ),
        (not content.streams, "no RTP stream was found"),
    ]
    return [text for wrong, text in found if wrong]

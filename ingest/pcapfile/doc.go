// Package pcapfile imports packet captures: every flow of a pcap or pcapng file becomes one event, and attempts that
// nobody answered become aggregated unserved events. It knows nothing of what payloads mean; names come from functions
// that the caller gives.
//
// # Formats
//
// pcap (draft-ietf-opsawg-pcap: both byte orders, microseconds and nanoseconds) and pcapng (draft-ietf-opsawg-pcapng),
// detected by magic. Link types: Ethernet (with VLAN, QinQ, MPLS and PPPoE), raw IP, Linux cooked v1 and v2, BSD null
// and loopback; others are skipped as "link_type_N". IP in IP, 6in4 and GRE are opened to the innermost packet; VXLAN
// and Geneve only with Options.Tunnels, because on a sensor such a datagram is a payload like any other. Teredo and
// other tunnels in UDP stay events of the outer flow.
//
// # What becomes an event
//
//   - TCP: the client is who sent the SYN. With bytes of the client: kind payload. Handshake completed, no byte: kind
//     error if the client ended it first, else connection. SYN, SYN-ACK and a RST of the client (a SYN scan): error.
//     A SYN answered by a RST, an ICMP unreachable or nothing: unserved. A handshake that the server answered and the
//     client left hanging is none of these: it is counted as "half_open".
//   - The close is who ended it first: client_fin, client_rst, or idle_limit where the server did; none where the
//     capture ended before the flow.
//   - A flow whose SYN is missing is kept with what is there. Its server is, in this order: the address of
//     Options.Addresses, the port that Options.Served knows, the lower port if it is below 1024 or the other is from
//     32768 on (where Linux takes client ports), else the receiver of the first packet. Without data it is
//     "stray_tcp" (backscatter, or the end of a flow sent again).
//   - UDP: packets of one 5-tuple without a pause of 60 s. The client is the first sender; without Options.Addresses,
//     a first packet from a well-known port to a high one is an answer whose request is missing, and a flow of nothing
//     else is "udp_answer_only". The first datagram is the payload.
//   - ICMP echo requests are unserved, with the ICMP type as the destination port and 0 as the source port. ICMP errors
//     only tell which attempts were refused.
//
// Where received bytes overlap, the first that came are kept, as most servers do. A hole ends the bytes that are kept
// ("tcp_gap"). SourceBytes counts the client's bytes by sequence number, so what the capture missed is in it and
// retransmissions are not. Checksums are not verified: offloading makes them wrong in good captures.
//
// # What does not
//
// The report's Skipped counts packets by reason ("arp", "not_ip", "truncated", "ip_fragment", "ip_proto_N", "bad_time",
// "link_type_N", "icmp_other", "icmp_error" for an error that matches no attempt) and flows by reason ("half_open", "stray_tcp",
// "udp_answer_only", "other_destination"). "tcp_gap", "truncated_payload", "out_of_order_limit", "out_of_window" and
// "evicted" count what made an event poorer than the traffic was. IP fragments are not put together.
//
// # Errors
//
// A file that is no capture, that is cut short or whose blocks are broken yields one *terroir.Error with code EINVALID;
// everything complete before that place has been put into the sink and is in the report, which then has the reason
// "truncated_file" or "broken_file". An error of the sink or of the context ends the read at once.
//
// # Bounds
//
// Flows (Options.MaxFlows), kept bytes in all (Options.MaxBytes) and per flow (Options.KeepBytes) are bounded, so is
// each flow's list of pieces that came out of order. The flow that was silent for the longest time goes first.
package pcapfile

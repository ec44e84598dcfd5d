package tap

import (
	"encoding/binary"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// readPorts is the indexes of the interfaces that are ports of another one, a bridge or a bond: what arrives there is seen
// again on that one.
func readPorts() (map[int32]bool, error) {
	table, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	ports := map[int32]bool{}
	for i := range messages {
		m := &messages[i]
		if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < syscall.SizeofIfInfomsg {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil {
			return nil, fmt.Errorf("interfaces: %w", err)
		}
		for _, a := range attributes {
			if a.Attr.Type == unix.IFLA_MASTER {
				ports[int32(binary.NativeEndian.Uint32(m.Data[4:]))] = true // struct ifinfomsg, ifi_index
			}
		}
	}
	return ports, nil
}

// twice says whether the packet is seen again: on the bridge or the bond, or on the VLAN's own interface.
func (t *Tap) twice(p *captured) bool {
	return t.opt.Interface == "" && (t.ports[p.link] || p.vlan != 0)
}

// refreshLinks follows interfaces that change. One that was named and is made anew has a new index.
func (t *Tap) refreshLinks() error {
	if t.opt.Interface == "" {
		if ports, err := readPorts(); err == nil {
			t.ports = ports
		}
	} else {
		link, err := net.InterfaceByName(t.opt.Interface)
		if err == nil && link.Index != t.ring.link {
			err = t.ring.bind(link.Index)
		}
		t.watching.Store(err == nil && link.Flags&net.FlagUp != 0)
	}
	if t.closings.open {
		return nil // Nobody needs to look at what goes out.
	}
	links, err := t.ownLinks()
	if err != nil {
		return nil // Those of before stay.
	}
	return t.out.follow(links)
}

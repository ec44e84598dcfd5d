package pcapfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// errCut says that the file ends within a packet.
var errCut = errors.New("the file ends within a packet")

var errNotCapture = errors.New("neither pcap nor pcapng")

// maxInterfaces bounds the interface descriptions of one pcapng section, which the reader holds in memory.
const maxInterfaces = 4096

// frames gives the packets of one capture file in order. The bytes of a frame are valid until the next call.
type frames interface {
	// next returns io.EOF at a clean end and errCut when the file ends within a packet.
	next() ([]byte, gopacket.CaptureInfo, layers.LinkType, error)
}

// openCapture tells the format by its magic number and reads the file's header.
func openCapture(r io.Reader) (frames, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	magic, err := br.Peek(4)
	if err != nil {
		if err == io.EOF {
			return nil, errNotCapture
		}
		return nil, noEOF(err)
	}
	switch binary.BigEndian.Uint32(magic) {
	case 0x0a0d0d0a:
		ng, err := pcapgo.NewNgReader(br, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, noEOF(err)
		}
		return &ngFrames{ng}, nil
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1:
		r, err := pcapgo.NewReader(br)
		if err != nil {
			return nil, noEOF(err)
		}
		return &pcapFrames{r: r, link: r.LinkType()}, nil
	}
	return nil, errNotCapture
}

// noEOF turns an end of file where there must be none into errCut.
func noEOF(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

type pcapFrames struct {
	r    *pcapgo.Reader
	link layers.LinkType
}

func (f *pcapFrames) next() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
	data, ci, err := f.r.ZeroCopyReadPacketData()
	// The library says io.EOF when the file ends exactly after a packet's header too.
	if err != nil && (err != io.EOF || ci.CaptureLength > 0) {
		err = noEOF(err)
	}
	return data, ci, f.link, err
}

type ngFrames struct{ r *pcapgo.NgReader }

func (f *ngFrames) next() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
	data, ci, err := f.r.ZeroCopyReadPacketData()
	if err != nil {
		if err != io.EOF {
			err = noEOF(err)
		}
		return nil, ci, 0, err
	}
	if f.r.NInterfaces() > maxInterfaces {
		return nil, ci, 0, errors.New("more than 4096 interfaces in a section")
	}
	link, _ := ci.AncillaryData[0].(layers.LinkType)
	return data, ci, link, nil
}

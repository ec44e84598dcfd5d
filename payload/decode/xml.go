package decode

import "bytes"

// xml looks at the text between tags and at CDATA, whose entities are undone elsewhere; true when there was something. HTML is
// treated the same.
func (d *decoder) xml(s span, level int) bool {
	b := d.bytes(s)
	t := bytes.TrimLeft(b, " \r\n\t")
	if len(t) < 8 || t[0] != '<' {
		return false
	}
	pos, before := 0, len(d.tree.Nodes)
	for n := 0; n < maxStrings; n++ {
		open := bytes.IndexByte(b[pos:], '>')
		if open < 0 {
			break
		}
		from := pos + open + 1
		if i := bytes.LastIndex(b[pos:from], []byte("<![CDATA[")); i >= 0 {
			from = pos + i + len("<![CDATA[")
			end := bytes.Index(b[from:], []byte("]]>"))
			if end < 0 {
				end = len(b) - from
			}
			d.value(s.sub(from, from+end), level)
			pos = min(from+end, len(b))
			continue
		}
		next := bytes.IndexByte(b[from:], '<')
		if next < 0 {
			break
		}
		d.value(s.sub(from, from+next), level)
		pos = from + next
	}
	return len(d.tree.Nodes) > before
}

// value looks at a value that stands between marks, blanks around it left out.
func (d *decoder) value(s span, level int) {
	b := d.tree.Nodes[s.node].Bytes
	if v := trim(b, s.off, s.end); v[1]-v[0] >= 4 {
		d.any(span{s.node, v[0], v[1]}, level+1)
	}
}

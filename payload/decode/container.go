package decode

import (
	"bytes"
	"encoding/json"
	"strings"
)

// containerFields are taken up by the nodes of a container and not looked at once more.
var containerFields = map[string]bool{"Cmd": true, "Entrypoint": true, "Image": true, "command": true, "args": true, "image": true}

// words is a list of words, or one line: Docker's API takes both.
type words struct {
	list []string
	line string
}

// UnmarshalJSON implements json.Unmarshaler; what is neither a list nor a line is left out.
func (w *words) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &w.list) != nil {
		_ = json.Unmarshal(b, &w.line)
	}
	return nil
}

func (w words) empty() bool { return len(w.list) == 0 && w.line == "" }

// text is the words as a shell would be given them.
func (w words) text() string {
	if w.line != "" {
		return w.line
	}
	quoted := make([]string, len(w.list))
	for i, s := range w.list {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, " ")
}

// quote writes a word so that a shell takes it as it is.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=,@%+", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// dockerBody is what says something in the bodies of containers/create and exec (Docker Engine API v1.24 and later).
type dockerBody struct {
	Image        string
	Cmd          words
	Entrypoint   words
	Env          []string
	AttachStdout *bool
	HostConfig   *struct {
		Binds       []string
		Mounts      []struct{ Source, Target string }
		Privileged  bool
		NetworkMode string
		PidMode     string
	}
}

// podBody is what says something in a pod, or in what makes pods (Kubernetes core/v1, apps/v1, batch/v1).
type podBody struct {
	Kind string
	Spec podSpec
}

type podSpec struct {
	HostNetwork bool
	HostPID     bool
	Containers  []podContainer
	Volumes     []struct{ HostPath *struct{ Path string } }
	Template    *struct{ Spec podSpec }
}

type podContainer struct {
	Image           string
	Command, Args   []string
	SecurityContext *struct{ Privileged bool }
}

// container finds the command of a container to be made; true when it was one.
func (d *decoder) container(s span) bool {
	b := d.bytes(s)
	switch {
	case bytes.Contains(b, []byte(`"Cmd"`)) || bytes.Contains(b, []byte(`"Image"`)):
		return d.docker(s)
	case bytes.Contains(b, []byte(`"containers"`)):
		return d.pod(s)
	}
	return false
}

func (d *decoder) docker(s span) bool {
	b := d.bytes(s)
	var c dockerBody
	if json.Unmarshal(b, &c) != nil || c.Image == "" && c.AttachStdout == nil || c.Image != "" && c.HostConfig == nil && c.Cmd.empty() && c.Entrypoint.empty() {
		return false
	}
	l := layer{kind: "docker", note: c.note(), lang: shell, runs: true}
	at, lines := s, []string{}
	for _, w := range []words{c.Entrypoint, c.Cmd} {
		if !w.empty() {
			lines = append(lines, w.text())
		}
	}
	if i := bytes.Index(b, []byte(`"Cmd"`)); i >= 0 && !c.Cmd.empty() {
		at = s.sub(i, len(b))
	}
	if l.bytes = []byte(strings.Join(lines, " ")); len(lines) == 0 {
		l.bytes, l.lang = []byte(c.Image), opaque // Its own program is what runs.
	}
	d.add(at, l)
	return true
}

func (c *dockerBody) note() string {
	var notes []string
	if c.Image != "" {
		notes = append(notes, "container from image "+c.Image)
	} else {
		notes = append(notes, "command in a container that runs")
	}
	if h := c.HostConfig; h != nil {
		if h.Privileged {
			notes = append(notes, "privileged")
		}
		for _, m := range h.Mounts {
			h.Binds = append(h.Binds, m.Source+":"+m.Target)
		}
		if len(h.Binds) > 0 {
			notes = append(notes, "mounts "+strings.Join(h.Binds, ", "))
		}
		if h.NetworkMode == "host" || h.PidMode == "host" {
			notes = append(notes, "shares the host's network or processes")
		}
	}
	if len(c.Env) > 0 {
		notes = append(notes, "environment "+strings.Join(c.Env, " "))
	}
	return strings.Join(notes, "; ")
}

func (d *decoder) pod(s span) bool {
	var p podBody
	if json.Unmarshal(d.bytes(s), &p) != nil || p.Kind == "" {
		return false
	}
	spec := p.Spec
	if spec.Template != nil {
		spec = spec.Template.Spec
	}
	for _, c := range spec.Containers[:min(len(spec.Containers), maxFields)] {
		notes := []string{p.Kind + " from image " + c.Image}
		if c.SecurityContext != nil && c.SecurityContext.Privileged {
			notes = append(notes, "privileged")
		}
		for _, v := range spec.Volumes {
			if v.HostPath != nil {
				notes = append(notes, "mounts "+v.HostPath.Path+" of the host")
			}
		}
		if spec.HostNetwork || spec.HostPID {
			notes = append(notes, "shares the host's network or processes")
		}
		l := layer{kind: "kubernetes", note: strings.Join(notes, "; "), bytes: []byte(words{list: append(c.Command, c.Args...)}.text()), lang: shell, runs: true}
		if len(l.bytes) == 0 {
			l.bytes, l.lang = []byte(c.Image), opaque // Its own program is what runs.
		}
		d.add(s, l)
	}
	return len(spec.Containers) > 0
}

// statements finds what a terminal over WebSocket is sent: ["stdin", "…"] (Jupyter's terminado), and the code of a kernel's
// execute_request.
func (d *decoder) statements(s span) {
	b := d.bytes(s)
	var message []string
	if bytes.HasPrefix(b, []byte(`["stdin"`)) && json.Unmarshal(b, &message) == nil && len(message) == 2 {
		d.add(s, layer{kind: "jupyter", note: "typed into a terminal", bytes: []byte(message[1]), lang: shell, runs: true})
		return
	}
	if !bytes.Contains(b, []byte(`"execute_request"`)) {
		return
	}
	var m struct{ Content struct{ Code string } }
	if json.Unmarshal(b, &m) == nil {
		d.add(s, layer{kind: "jupyter", note: "code for a kernel", bytes: []byte(m.Content.Code), lang: code, runs: true})
	}
}

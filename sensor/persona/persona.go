// Package persona says what a sensor answers, from one YAML file a service: no code. A persona splits what a client
// sends into messages (its framing), and answers each with the first rule that fits.
//
//	name: redis
//	services: [redis]            # the services of a theme that it answers for
//	framing: resp                # raw, line, resp, http, postgres, telnet, memcached
//	rules:
//	  - regexp: (?i)^PING$       # or is: (equal), prefix: (both regardless of case); first: true for a first message
//	    reply: "+PONG\r\n"
//	unknown: {reply: "-ERR unknown command\r\n"}
//
// What a framing makes of a message, and so what rules see, stands in framing.go. A reply is a template (text/template)
// with .Arg N for what the regexp's group N caught, and the functions of world.go. Beside reply there are bytes (with
// escapes as \x00), and for HTTP status, headers and body. delay holds an answer back, close ends the connection,
// then: NAME changes the dialogue's state, in: NAME limits a rule to a state, upgrade: NAME to requests of HTTP that ask
// for that protocol. {{.Keep KEY VALUE}} remembers until the session ends, {{.Kept KEY}} recalls.
package persona

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"terroir"
	"terroir/strictyaml"
)

//go:embed builtin/*.yaml
var builtin embed.FS

// Persona answers for a service.
type Persona struct {
	Name  string `yaml:"name"`
	About string `yaml:"about"`
	// Services are those of a theme that it answers for.
	Services []string `yaml:"services"`
	Framing  string   `yaml:"framing"`
	// EOL is what ends the lines of replies and texts: "\n", or "\r\n" for crlf.
	EOL string `yaml:"eol"`
	// Headers begin every HTTP answer.
	Headers []string `yaml:"headers"`
	// StatusLine is how that of HTTP answers differs: "mirror" has the version of the request, as servers in Go and
	// Erlang do, "bare" no words after the number, as Tomcat since 8.5.
	StatusLine string `yaml:"status_line"`
	// Texts are inserted into replies by their names.
	Texts map[string]string `yaml:"texts"`
	// Greeting is what is said first, Idle what is said after a silence of its delay at the beginning.
	Greeting Answer `yaml:"greeting"`
	Idle     Answer `yaml:"idle"`
	Rules    []Rule `yaml:"rules"`
	// Unknown answers what no rule fits.
	Unknown Answer `yaml:"unknown"`

	framing func() framing
}

// Rule answers the messages that fit it.
type Rule struct {
	// In is the state in which the rule holds; "" means every one.
	In string `yaml:"in"`
	// First limits the rule to the first message of a session.
	First bool `yaml:"first"`
	// Upgrade limits the rule to requests that ask to change to that protocol (HTTP).
	Upgrade string `yaml:"upgrade"`
	Is      string `yaml:"is"`
	Prefix  string `yaml:"prefix"`
	Regexp  string `yaml:"regexp"`
	Answer  `yaml:",inline"`

	re    *regexp.Regexp
	first *firstBytes
}

// Answer is what is said to a message.
type Answer struct {
	Reply string `yaml:"reply"`
	Bytes string `yaml:"bytes"`
	// Status, Headers and Body make an HTTP answer.
	Status  int      `yaml:"status"`
	Headers []string `yaml:"headers"`
	Body    string   `yaml:"body"`
	// Delay is a duration such as 20ms, at most 5s.
	Delay string `yaml:"delay"`
	Close bool   `yaml:"close"`
	Then  string `yaml:"then"`

	delay time.Duration
	say   *reply
}

// Set is the personas that a sensor knows.
type Set struct {
	byName    map[string]*Persona
	byService map[string]*Persona
	identity  string
}

// Builtin returns the shipped personas. What they make up about themselves, such as numbers and names of machines,
// follows from identity: the same sensor says the same every time.
func Builtin(identity string) (*Set, error) {
	s := &Set{byName: map[string]*Persona{}, byService: map[string]*Persona{}, identity: identity}
	return s, s.Load(builtin, "builtin")
}

// Load adds the *.yaml files of a folder; a persona takes the place of one of the same name. What is wrong comes as an
// ECONFIG error with the file's name.
func (s *Set) Load(files fs.FS, dir string) error {
	names, err := fs.Glob(files, path.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: "cannot read the persona", Err: err}
		}
		p, err := Parse(name, text)
		if err != nil {
			return err
		}
		s.byName[p.Name] = p
		for _, service := range p.Services {
			s.byService[service] = p
		}
	}
	return nil
}

// Names lists the personas, sorted.
func (s *Set) Names() []string {
	var names []string
	for n := range s.byName {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Check returns an ECONFIG error for a persona that the set does not have. "" and "none" are always right.
func (s *Set) Check(name string) error {
	if name == "" || name == None || s.byName[name] != nil {
		return nil
	}
	return &terroir.Error{Code: terroir.ECONFIG, Where: "persona", Message: fmt.Sprintf("there is no %q", name),
		Hint: "there are none, " + strings.Join(s.Names(), ", ")}
}

// None is the name for silence.
const None = "none"

// For returns the persona that answers on the port: the one it names, else that of its service; nil for silence.
func (s *Set) For(p terroir.ServedPort) *Persona {
	switch {
	case p.Transport != terroir.TCP || p.Persona == None:
		return nil
	case p.Persona != "":
		return s.byName[p.Persona]
	}
	return s.byService[p.Service]
}

// Dialogue begins a dialogue on the port, or returns nil for silence. The seed differs between sessions.
func (s *Set) Dialogue(port terroir.ServedPort, seed uint64) terroir.Dialogue {
	p := s.For(port)
	if p == nil {
		return nil
	}
	return &dialogue{p: p, framing: p.framing(), world: world{identity: s.identity, seed: seed, texts: p.Texts}}
}

// Parse reads one persona. The error is an ECONFIG error with the file's name.
func Parse(file string, text []byte) (*Persona, error) {
	p := &Persona{}
	err := strictyaml.Decode(text, p)
	if err == nil {
		err = p.compile()
	}
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "not a persona: " + strings.Join(strings.Fields(err.Error()), " ")}
	}
	return p, nil
}

// compile checks everything that can be wrong, so that nothing fails in a session.
func (p *Persona) compile() error {
	p.framing = framings[p.Framing]
	switch {
	case p.Name == "" || p.Name == None:
		return errors.New("it needs a name")
	case p.framing == nil:
		return fmt.Errorf("framing %q is none of %s", p.Framing, strings.Join(framingNames(), ", "))
	case p.EOL != "" && p.EOL != "crlf":
		return fmt.Errorf("eol %q is not crlf", p.EOL)
	case p.StatusLine != "" && p.StatusLine != "mirror" && p.StatusLine != "bare":
		return fmt.Errorf("status_line %q is neither mirror nor bare", p.StatusLine)
	}
	for name, text := range p.Texts {
		p.Texts[name] = p.lines(text)
	}
	for name, a := range map[string]*Answer{"greeting": &p.Greeting, "idle": &p.Idle, "unknown": &p.Unknown} {
		if err := p.compileAnswer(a, 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.Idle.delay == 0 && (p.Idle.say != nil || p.Idle.Close) {
		return errors.New("idle: it needs a delay: the silence after which it is said")
	}
	for i := range p.Rules {
		if err := p.compileRule(&p.Rules[i]); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *Persona) compileRule(r *Rule) error {
	groups := 0
	if r.Regexp != "" {
		re, err := regexp.Compile(r.Regexp)
		if err != nil {
			return err
		}
		r.re, r.first, groups = re, firstOf(r.Regexp), re.NumSubexp()
	}
	given := 0
	for _, s := range []string{r.Is, r.Prefix, r.Regexp} {
		if s != "" {
			given++
		}
	}
	if given > 1 || given == 0 && !r.First && r.In == "" {
		return errors.New("it needs one of is, prefix and regexp, or else first or in")
	}
	return p.compileAnswer(&r.Answer, groups)
}

// lines gives text the line ends of the persona.
func (p *Persona) lines(text string) string {
	if p.EOL == "" {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

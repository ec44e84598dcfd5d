package family

import "strings"

// minToken and maxToken bound the length of a token, maxTokens how many of a text are taken.
const (
	minToken  = 3
	maxToken  = 40
	maxTokens = 64
)

// tokens are the distinct words of a skeleton that a person would tell it by, in their order.
func tokens(text string) (list []string) {
	seen := map[string]bool{}
	for _, t := range strings.FieldsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'`<>(){}[]|;,&=:?\\", r)
	}) {
		t = strings.Trim(t, "./")
		if len(t) >= minToken && len(t) <= maxToken && !seen[t] {
			seen[t] = true
			if list = append(list, t); len(list) == maxTokens {
				break
			}
		}
	}
	return list
}

// class counts in how many skeletons of a protocol each token stands.
type class struct {
	name   string
	nodes  int
	tokens map[string]int
}

// class gives a class's name, always the same string.
func (l *layer) class(name string) string {
	c := l.classes[name]
	if c == nil {
		c = &class{name: name, tokens: map[string]int{}}
		l.classes[name] = c
	}
	return c.name
}

func (l *layer) count(n *node) {
	c := l.classes[n.class]
	c.nodes++
	if !n.Noise {
		for _, t := range tokens(n.Text) {
			c.tokens[t]++
		}
	}
}

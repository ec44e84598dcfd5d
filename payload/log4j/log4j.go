// Package log4j finds lookups that Log4j 2 would evaluate, as its StrSubstitutor does, without ever looking anything up.
package log4j

// Lookup is one JNDI lookup, or an attempt at one.
type Lookup struct {
	// Offset and Length say where the expression stands in the text.
	Offset, Length int
	// Resolved is the expression after everything within it was evaluated, such as "jndi:ldap://192.0.2.1:1389/a". What only the
	// victim knows (its environment, its files) stays as it was written.
	Resolved string
	// Scheme is ldap, rmi, dns, …; Host, Port and Path are those of the target ("" and 0 where there is none).
	Scheme, Host, Path string
	Port               int
	// Exfil are the lookups within the target whose values the victim would send: "env:USERDOMAIN".
	Exfil []string
	// Fires says that Log4j 2.14.1 itself evaluates it; false for what only a permissive reading finds.
	Fires bool
	// Malformed says that it was meant as a lookup but names no target.
	Malformed bool
	// Evaluations counts the lookups that were evaluated within it.
	Evaluations int
}

// Budget bounds the work of all calls that share it, in bytes touched.
type Budget struct{ Left int }

// Find returns the lookups in the text, in order. It stops when the budget is used up; then complete is false.
func Find(text []byte, b *Budget) (found []Lookup, complete bool) { return nil, true }

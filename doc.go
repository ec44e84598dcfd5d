// Package terroir is the domain of a regional honeypot observatory: events, payloads, configurations and what they
// are called. It imports nothing else of the project; every other package speaks in its types.
//
// The words follow ARCHITECTURE.md: a sensor observes one or more addresses in one region; what it observes are
// events of four kinds; what a client sent first is a payload, named by its SHA-256.
package terroir

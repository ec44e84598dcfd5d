package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/defang"
	"terroir/encode"
	"terroir/hub"
	"terroir/inspect"
	"terroir/payload/family"
	"terroir/payload/render"
	"terroir/query"
)

// Bounds of what a terminal is shown.
const (
	shownText = 4 << 10
	shownHex  = 512
	shownStep = 400
)

// inspectFlags are those of commands that show one thing.
type inspectFlags struct {
	source
	output string
}

func (f *inspectFlags) add(c *cobra.Command, outputs ...string) {
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if !slices.Contains(outputs, f.output) {
			return terroir.Errorf(terroir.EUSAGE, "output %q is not one of %s", f.output, strings.Join(outputs, ", "))
		}
		return run(c, args)
	}
	sourceFlags(c, &f.source)
	snapshotFlag(c, &f.source)
	c.Flags().StringVarP(&f.output, "output", "o", "table", strings.Join(outputs, "|"))
}

func payloadCommand() *cobra.Command {
	var f inspectFlags
	c := &cobra.Command{
		Use: "payload ID", Short: "Show a payload: its text, how it was decoded, who sent it, where and when", Args: cobra.ExactArgs(1),
		Long:    "Show a payload by its id, the SHA-256 of its bytes, or by the first digits of it. The addresses of sensors are\nreplaced; with -o raw the bytes are written as a stranger sent them.",
		Example: "  terroir payload 3f2a91bc\n  terroir payload 3f2a91bc -o raw | xxd",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := openStore(c.Context(), f.source, "")
			if err != nil {
				return err
			}
			defer s.Close()
			p, err := inspect.FindPayload(c.Context(), s.engine, args[0], f.output == "raw")
			if err != nil {
				return err
			}
			switch f.output {
			case "raw":
				_, err = c.OutOrStdout().Write(p.Bytes)
				return err
			case "json":
				return encode.Indented(c.OutOrStdout(), p)
			}
			return showPayload(c.Context(), c.OutOrStdout(), s, p)
		}}
	f.add(c, "table", "json", "raw")
	return c
}

func familyCommand() *cobra.Command {
	var f inspectFlags
	c := &cobra.Command{
		Use: "family ID", Short: "Show a family of payloads: what they share, who sent them, where and when", Args: cobra.ExactArgs(1),
		Long: "Show a family by its id, by the id of any of its templates, or by the first digits of one. Former ids of a family that\ngrew lead to it.",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := openStore(c.Context(), f.source, "")
			if err != nil {
				return err
			}
			defer s.Close()
			x, err := s.family(c.Context(), args[0])
			if err != nil {
				return err
			}
			if f.output == "json" {
				return encode.Indented(c.OutOrStdout(), x)
			}
			return showFamily(c.Context(), c.OutOrStdout(), s, x)
		}}
	f.add(c, "table", "json")
	return c
}

func showPayload(ctx context.Context, w io.Writer, s *store, p *inspect.Payload) error {
	fmt.Fprintf(w, "payload   %s\nsize      %d bytes\n", p.ID, len(p.Bytes))
	for _, line := range [][2]string{{"protocol", p.AppProto}, {"request", p.Label}, {"tags", strings.Join(p.Tags, " ")}, {"agent", p.UserAgent},
		{"says", p.Scanner}, {"template", p.Template}, {"family", p.Family}, {"vehicle", p.Vehicle}, {"cargo", p.Cargo}} {
		if line[1] != "" {
			fmt.Fprintf(w, "%-9s %s\n", line[0], encode.Plain(line[1]))
		}
	}
	b := p.Bytes[:min(len(p.Bytes), shownText)]
	fmt.Fprintln(w, "\n"+textTitle(p))
	for line := range strings.Lines(string(b)) {
		fmt.Fprintf(w, "  %s\n", render.Bytes([]byte(line), shownText))
	}
	more(w, len(p.Bytes)-len(b))
	showSteps(w, p.Steps)
	fmt.Fprintf(w, "\nHex:\n%s", hex.Dump(p.Bytes[:min(len(p.Bytes), shownHex)]))
	more(w, len(p.Bytes)-shownHex)
	return s.showViews(ctx, w, map[string]string{"payload": p.ID})
}

func textTitle(p *inspect.Payload) string {
	if p.Masked {
		return "Text, as it was sent, but for the sensor's address:"
	}
	return "Text, as it was sent:"
}

func more(w io.Writer, bytes int) {
	if bytes > 0 {
		fmt.Fprintf(w, "  … %d more bytes\n", bytes)
	}
}

// showSteps prints the steps of decoding, defanged.
func showSteps(w io.Writer, steps []terroir.Step) {
	if len(steps) == 0 {
		return
	}
	fmt.Fprintln(w, "\nDecoding; nothing was fetched or run:")
	for _, s := range steps {
		text := []rune(encode.Plain(defang.Text(s.Text)))
		if len(text) > shownStep {
			text = append(text[:shownStep], '…')
		}
		from := ""
		if s.From > 0 {
			from = fmt.Sprintf(" from %d", s.From)
		}
		fmt.Fprintf(w, "  %d%s %s: ", s.Number, from, s.Kind)
		if s.Note != "" {
			fmt.Fprintf(w, "%s: ", encode.Plain(defang.Text(s.Note)))
		}
		fmt.Fprintln(w, string(text))
	}
}

func showFamily(ctx context.Context, w io.Writer, s *store, f *inspect.Family) error {
	fmt.Fprintf(w, "family    %s\nvehicle   %s\n", f.ID, encode.Plain(f.Vehicle))
	if f.Cargo != "" {
		fmt.Fprintf(w, "cargo     %s\n", encode.Plain(f.Cargo))
	}
	if len(f.Pieces) > 0 {
		fmt.Fprintln(w, "\nShared bytes, with ‹slots› that vary:")
		var b strings.Builder
		for _, p := range f.Pieces {
			if p.Slot {
				fmt.Fprintf(&b, "‹%s %d›", encode.Plain(strings.Trim(p.Text, "<>")), p.Distinct)
			} else {
				b.WriteString(p.Text)
			}
		}
		for line := range strings.Lines(b.String()) {
			fmt.Fprintf(w, "  %s\n", encode.Plain(strings.TrimRight(line, "\r\n")))
		}
	}
	if len(f.Neighbours) > 0 {
		fmt.Fprintln(w, "\nNearest families:")
		for _, n := range f.Neighbours {
			fmt.Fprintf(w, "  %.2f  %s  %s\n", n.Similarity, n.ID[:12], encode.Plain(n.Name))
		}
	}
	if f.Example != "" {
		p, err := inspect.FindPayload(ctx, s.engine, f.Example, false)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\nThe most frequent payload is %s.\n", p.ID)
		showSteps(w, p.Steps)
	}
	return s.showViews(ctx, w, map[string]string{"family": f.ID})
}

// showViews prints the views of the page of a payload or family.
func (s *store) showViews(ctx context.Context, w io.Writer, params map[string]string) error {
	for _, v := range s.views.Page("payload") {
		r, err := query.Run(ctx, s.engine, v, params)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s: ", v.Title)
		if err := encode.Table(w, v, r, width(w)); err != nil {
			return err
		}
	}
	return nil
}

// family looks a family up and describes it.
func (s *store) family(ctx context.Context, id string) (*inspect.Family, error) {
	f, err := inspect.FindFamily(ctx, s.engine, id)
	if err != nil {
		return nil, err
	}
	whole, err := terroir.ParsePayloadID(f.ID)
	if err != nil {
		return nil, err
	}
	err = s.groups.Read(ctx, func(g hub.Grouper) error {
		d, err := g.(*family.Grouper).Describe(whole)
		if err == nil {
			described(f, &d)
		}
		return err
	})
	if terroir.ErrorCode(err) == terroir.ENOTFOUND {
		return f, nil // The tables were analyzed anew just now: the family is shown without what its members share.
	}
	return f, err
}

// described adds what the family's payloads share.
func described(f *inspect.Family, d *family.Description) {
	f.Name, f.Templates = d.Name, d.Templates
	f.Pieces = append(pieces(d.VehiclePieces), pieces(d.CargoPieces)...)
	if len(d.CargoPieces) > 0 {
		f.CargoFrom = len(d.VehiclePieces)
	}
	for _, n := range d.Neighbours {
		f.Neighbours = append(f.Neighbours, inspect.Neighbour{ID: n.Family.String(), Name: inspect.NameOf(n.Vehicle, n.Cargo), Similarity: n.Similarity, Shared: n.Shared})
	}
}

func pieces(list []family.Piece) (out []inspect.Piece) {
	for _, p := range list {
		piece := inspect.Piece{Text: p.Text}
		if p.Values != nil {
			piece.Slot, piece.Text, piece.Distinct = true, p.Values.Slot.String(), p.Values.Distinct
			for _, v := range p.Values.Most {
				piece.Values = append(piece.Values, v.Value)
			}
		}
		out = append(out, piece)
	}
	return out
}

package encode

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"terroir/views"
)

// Table writes the result for a terminal: columns aligned, numbers to the right, texts cut so that a line fits into
// width characters (0: nothing is cut).
func Table(w io.Writer, v *views.View, r *views.Result, width int) error {
	cells := make([][]string, 0, len(r.Rows)+1)
	head := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		head[i] = Plain(c.Name)
	}
	cells = append(cells, head)
	for _, row := range r.Rows {
		line := make([]string, len(row))
		for i := range row {
			line[i] = Shown(r.Columns, row, i)
		}
		cells = append(cells, line)
	}
	sizes := columnSizes(cells, width)
	var b strings.Builder
	if v.Question != "" {
		fmt.Fprintf(&b, "%s\n\n", Plain(v.Question))
	}
	for _, line := range cells {
		b.WriteString(strings.TrimRight(layOut(line, sizes, r.Columns), " "))
		b.WriteByte('\n')
	}
	if len(r.Rows) == 0 {
		b.WriteString("(no rows)\n")
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "missing: %s\n", Plain(m))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// columnSizes are the widths of the columns; the widest give way until a line fits.
func columnSizes(cells [][]string, width int) []int {
	sizes := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, c := range line {
			sizes[i] = max(sizes[i], utf8.RuneCountInString(c))
		}
	}
	const least = 8
	for width > 0 {
		total, widest := 0, 0
		for i, s := range sizes {
			total += s + 2
			if s > sizes[widest] {
				widest = i
			}
		}
		if total-2 <= width || sizes[widest] <= least {
			break
		}
		sizes[widest]--
	}
	return sizes
}

func layOut(line []string, sizes []int, columns []views.Column) string {
	var b strings.Builder
	for i, c := range line {
		n := utf8.RuneCountInString(c)
		if n > sizes[i] {
			c, n = string([]rune(c)[:sizes[i]-1])+"…", sizes[i]
		}
		pad := strings.Repeat(" ", sizes[i]-n)
		if t := columns[i].Type; t == "int" || t == "float" {
			b.WriteString(pad + c)
		} else {
			b.WriteString(c + pad)
		}
		b.WriteString("  ")
	}
	return b.String()
}

// maxMarkdown bounds the rows of a table in a document; the rest is said, not shown.
const maxMarkdown = 60

// Markdown writes title, question, the first rows as a table, and the caveats.
func Markdown(w io.Writer, v *views.View, r *views.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", markdown(v.Title), markdown(v.Question))
	markdownTable(&b, r)
	for _, c := range v.Caveats {
		fmt.Fprintf(&b, "\n> %s\n", markdown(c))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownTable(b *strings.Builder, r *views.Result) {
	for _, c := range r.Columns {
		b.WriteString("| " + markdown(c.Name) + " ")
	}
	b.WriteString("|\n")
	for _, c := range r.Columns {
		if c.Type == "int" || c.Type == "float" {
			b.WriteString("|---:")
		} else {
			b.WriteString("|---")
		}
	}
	b.WriteString("|\n")
	for i, row := range r.Rows {
		if i == maxMarkdown {
			fmt.Fprintf(b, "\n%s more rows are not shown.\n", Thousands(int64(len(r.Rows)-maxMarkdown)))
			return
		}
		for j := range row {
			b.WriteString("| " + markdown(Shown(r.Columns, row, j)) + " ")
		}
		b.WriteString("|\n")
	}
	if len(r.Rows) == 0 {
		b.WriteString("\nNo rows.\n")
	}
}

// markdown escapes what Markdown, or HTML in it, would take for markup.
func markdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`).Replace(Plain(s))
}

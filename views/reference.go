package views

import (
	"fmt"
	"io"
	"strings"
)

// Reference writes the page about all views in Markdown: what each answers, its parameters, columns, caveats and text.
func (r *Registry) Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Views\n\nMade from `views/*.sql` by `go generate ./views`. Every view reads `scope`: the table `events` with the shared\n" +
		"parameters applied, and a column `place`, the region or the sensor.\n\n## Shared parameters\n\n")
	paramTable(&b, SharedParams())
	for _, v := range r.All() {
		fmt.Fprintf(&b, "\n## %s\n\n**%s** — %s\n\n", v.Name, v.Title, v.Question)
		if len(v.Scope) > 0 {
			fmt.Fprintf(&b, "Shared parameters: `%s`.\n\n", strings.Join(v.Scope, "`, `"))
		}
		if own := v.Params[len(v.Scope):]; len(own) > 0 {
			paramTable(&b, own)
			b.WriteString("\n")
		}
		b.WriteString("| column | type | unit | meaning |\n|---|---|---|---|\n")
		for _, c := range v.Columns {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, c.Type, c.Unit, c.Meaning)
		}
		for _, c := range v.Caveats {
			fmt.Fprintf(&b, "\n> %s\n", c)
		}
		if v.Step != "" {
			fmt.Fprintf(&b, "\nThe statement returns %s; the step `%s` (package measure/steps) makes the result of it.\n", rowNames(v.Rows), v.Step)
		}
		fmt.Fprintf(&b, "\n```sql\n%s\n```\n", v.SQL)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func paramTable(b *strings.Builder, ps []Param) {
	b.WriteString("| parameter | values | default | meaning |\n|---|---|---|---|\n")
	for _, p := range ps {
		values := p.Type
		if p.Type == "enum" {
			values = strings.Join(p.enumNames(), ", ")
		}
		if p.Min != nil && p.Max != nil {
			values = fmt.Sprintf("%d to %d", *p.Min, *p.Max)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", p.Name, values, p.Default, p.Meaning)
	}
}

func rowNames(columns []Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = "`" + c.Name + "`"
	}
	return strings.Join(names, ", ")
}

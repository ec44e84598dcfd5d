package views

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"

	"terroir"
	"terroir/strictyaml"
)

//go:generate go run ./docgen

//go:embed *.sql
var shipped embed.FS

// Registry holds views by name.
type Registry struct {
	byName map[string]*View
	names  []string
}

// Shipped returns the views that come with terroir.
func Shipped() (*Registry, error) { return Load(shipped) }

// ShippedAnd returns the views that come with terroir and those of a folder of the user's. Errors are those of Load.
func ShippedAnd(folder fs.FS) (*Registry, error) { return Load(shipped, folder) }

// Load reads every NAME.sql at the top of the file systems, in order. A name that occurs twice, front matter that is
// not understood, and a statement that does not fit its front matter yield an ECONFIG error with the file's name.
func Load(folders ...fs.FS) (*Registry, error) {
	r := &Registry{byName: map[string]*View{}}
	for _, folder := range folders {
		files, err := fs.Glob(folder, "*.sql")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := fs.ReadFile(folder, file)
			if err != nil {
				return nil, err
			}
			if err := r.add(file, text); err != nil {
				return nil, err
			}
		}
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	sort.Strings(r.names)
	return r, nil
}

// add reads a view, which complete completes.
func (r *Registry) add(file string, text []byte) error {
	v, err := read(file, text)
	if err != nil {
		return err
	}
	if r.byName[v.Name] != nil {
		return &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "a view of this name exists already", Hint: "rename the file"}
	}
	r.byName[v.Name] = v
	r.names = append(r.names, v.Name)
	return nil
}

// complete completes every view: those that have a statement of their own, and then those that have another's.
func (r *Registry) complete() error {
	for _, borrow := range []bool{false, true} {
		for _, name := range r.names {
			v := r.byName[name]
			if (v.StatementOf != "") != borrow {
				continue
			}
			var err error
			if borrow {
				err = v.borrow(r.byName[v.StatementOf])
			}
			if err == nil {
				err = v.complete()
			}
			if err != nil {
				return notAView(name+".sql", err)
			}
		}
	}
	return nil
}

// borrow takes statement, rows and the parameters of which only the name is given from the other view.
func (v *View) borrow(other *View) error {
	switch {
	case other == nil || other.StatementOf != "":
		return fmt.Errorf("there is no view %q with a statement of its own", v.StatementOf)
	case v.SQL != "" || len(v.Rows) > 0:
		return fmt.Errorf("statement and rows are those of %s: leave them out", v.StatementOf)
	}
	v.SQL, v.Rows = other.SQL, other.Rows
	for i, p := range v.Params {
		if p.Type != "" {
			continue
		}
		at := slices.IndexFunc(other.Params, func(x Param) bool { return x.Name == p.Name })
		if at < 0 {
			return fmt.Errorf("parameter %q is not one of %s", p.Name, v.StatementOf)
		}
		v.Params[i] = other.Params[at]
	}
	return nil
}

// All returns the views in the order of their names.
func (r *Registry) All() []*View {
	all := make([]*View, len(r.names))
	for i, n := range r.names {
		all[i] = r.byName[n]
	}
	return all
}

// Page returns the views of the page in their order there.
func (r *Registry) Page(page string) []*View {
	var vs []*View
	for _, v := range r.All() {
		if v.On(page) {
			vs = append(vs, v)
		}
	}
	slices.SortStableFunc(vs, func(a, b *View) int { return a.Order - b.Order })
	return vs
}

// Get returns the named view, or an ENOTFOUND error that names near ones.
func (r *Registry) Get(name string) (*View, error) {
	if v := r.byName[name]; v != nil {
		return v, nil
	}
	return nil, &terroir.Error{Code: terroir.ENOTFOUND, Message: fmt.Sprintf("no view %q", name),
		Hint: "there are " + strings.Join(r.names, ", ")}
}

// Parse reads one view that has a statement of its own. The file begins with a comment /* … */ that holds the front matter in
// YAML; the statement follows. Errors are ECONFIG errors with the file's name.
func Parse(file string, text []byte) (*View, error) {
	v, err := read(file, text)
	if err != nil {
		return nil, err
	}
	if v.StatementOf != "" {
		return nil, notAView(file, fmt.Errorf("its statement is that of another view"))
	}
	if err := v.complete(); err != nil {
		return nil, notAView(file, err)
	}
	return v, nil
}

// read reads a view as its file has it.
func read(file string, text []byte) (*View, error) {
	head, statement, ok := bytes.Cut(text, []byte("*/"))
	head, begins := bytes.CutPrefix(bytes.TrimSpace(head), []byte("/*"))
	if !ok || !begins {
		return nil, notAView(file, fmt.Errorf("it does not begin with /* front matter */"))
	}
	v := &View{Name: strings.TrimSuffix(file, ".sql"), SQL: strings.TrimRight(strings.TrimSpace(string(statement)), ";")}
	if err := strictyaml.Decode(head, v); err != nil {
		return nil, notAView(file, err)
	}
	return v, nil
}

func notAView(file string, err error) error {
	return &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "not a view", Err: fmt.Errorf("%s", strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " ")),
		Hint: "a view is a comment /* with front matter */ and one SELECT"}
}

// complete puts the shared parameters before the view's own and checks that everything fits together.
func (v *View) complete() error {
	if v.Title == "" || v.Question == "" || len(v.Columns) == 0 {
		return fmt.Errorf("title, question and columns are needed")
	}
	if (v.Step == "") != (len(v.Rows) == 0) {
		return fmt.Errorf("step and rows go together")
	}
	if v.Rollup != "" && rollupNamed(v.Rollup) == nil {
		return fmt.Errorf("there is no rollup %q", v.Rollup)
	}
	for _, c := range v.Columns {
		if !slices.Contains(namesOf, c.Is) {
			return fmt.Errorf("column %q is %q, which is not one of %s", c.Name, c.Is, strings.Join(namesOf[1:], ", "))
		}
	}
	var shared []Param
	for _, name := range v.Scope {
		p, ok := sharedParam(name)
		if !ok {
			return fmt.Errorf("scope %q is not one of %s", name, strings.Join(sharedNames(), ", "))
		}
		shared = append(shared, p)
	}
	v.Params = append(shared, v.Params...)
	if err := v.checkParams(len(shared)); err != nil {
		return err
	}
	return v.checkChart()
}

func (v *View) checkParams(shared int) error {
	used := placeholders(v.SQL)
	known := map[string]bool{}
	for i, p := range v.Params {
		if known[p.Name] {
			return fmt.Errorf("parameter %q is declared twice", p.Name)
		}
		known[p.Name] = true
		if p.Type == "enum" {
			known[p.Name+nameSuffix] = true
		}
		// A view's step knows the values, too.
		if i >= shared && v.Step == "" && !slices.Contains(used, p.Name) {
			return fmt.Errorf("parameter %q is not used", p.Name)
		}
		if _, err := p.literal(p.Default); err != nil {
			return fmt.Errorf("default of %q: %w", p.Name, err)
		}
	}
	for _, name := range used {
		if !known[name] {
			return fmt.Errorf("the statement uses :%s, which is not a parameter", name)
		}
	}
	return nil
}

// namesOf are what a column's values may name.
var namesOf = []string{"", "payload", "family", "indicator", "indicators", "said"}

var chartTypes = []string{"heatmap", "bars", "dots", "lines", "curves", "numbers", "table"}

func (v *View) checkChart() error {
	if !slices.Contains(chartTypes, v.Chart.Type) {
		return fmt.Errorf("chart type %q is not one of %s", v.Chart.Type, strings.Join(chartTypes, ", "))
	}
	for _, name := range []string{v.Chart.X, v.Chart.Y, v.Chart.Value, v.Chart.Label, v.Chart.X2, v.Chart.Low, v.Chart.High} {
		if name != "" && !slices.ContainsFunc(v.Columns, func(c Column) bool { return c.Name == name }) {
			return fmt.Errorf("the chart uses column %q, which does not exist", name)
		}
	}
	return nil
}

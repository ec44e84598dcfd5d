package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"terroir"
	"terroir/chart"
	"terroir/encode"
	"terroir/query"
	"terroir/views"
)

// outputs are the forms in which a result is printed.
var outputs = []string{"table", "json", "ndjson", "csv", "parquet", "svg", "md"}

// printResult writes the result in the form.
func printResult(w io.Writer, form string, v *views.View, r *views.Result) error {
	switch form {
	case "table":
		return encode.Table(w, v, r, width(w))
	case "json":
		return encode.JSON(w, r)
	case "ndjson":
		return encode.NDJSON(w, r)
	case "csv":
		return encode.CSV(w, r)
	case "parquet":
		return encode.Parquet(w, r)
	case "svg":
		return chart.SVG(w, v, r, chart.Light)
	case "md":
		return encode.Markdown(w, v, r)
	}
	return terroir.Errorf(terroir.EUSAGE, "output %q is not one of %s", form, strings.Join(outputs, ", "))
}

// width is the terminal's, or 0 where the output goes elsewhere and nothing is to be cut.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

type viewFlags struct {
	source
	hub, views, output string
	params             []string
	sql                bool
}

func viewCommand() *cobra.Command {
	var f viewFlags
	c := &cobra.Command{
		Use: "view [NAME]", Short: "Show a view; without a name, the list of views", Args: cobra.MaximumNArgs(1),
		Example: "  terroir view port-by-region --dir terroir-data\n  terroir view reach --param by=source -o csv\n  terroir view reach --sql",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listViews(c.OutOrStdout(), &f)
			}
			return showView(c.Context(), c.OutOrStdout(), args[0], &f)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			reg, err := views.Shipped()
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			var names []string
			for _, v := range reg.All() {
				names = append(names, v.Name+"\t"+v.Question)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	sourceFlags(c, &f.source)
	snapshotFlag(c, &f.source)
	viewsFlag(c, &f.views)
	c.Flags().StringVar(&f.hub, "hub", "", "ask the hub at this URL instead of reading --dir")
	c.Flags().StringArrayVarP(&f.params, "param", "p", nil, "parameter as name=value; may be repeated")
	c.Flags().StringVarP(&f.output, "output", "o", "table", strings.Join(outputs, "|"))
	c.Flags().BoolVar(&f.sql, "sql", false, "print the statement instead of running it")
	return c
}

func listViews(w io.Writer, f *viewFlags) error {
	reg, err := loadViews(f.views)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, v := range reg.All() {
		fmt.Fprintf(tw, "%s\t%s\n", v.Name, v.Question)
	}
	return tw.Flush()
}

// splitParams reads name=value pairs.
func splitParams(pairs []string) (map[string]string, error) {
	params := map[string]string{}
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, terroir.Errorf(terroir.EUSAGE, "--param %q: want name=value", p)
		}
		if _, twice := params[name]; twice {
			return nil, terroir.Errorf(terroir.EUSAGE, "--param %s is given twice", name)
		}
		params[name] = value
	}
	return params, nil
}

func showView(ctx context.Context, w io.Writer, name string, f *viewFlags) error {
	params, err := splitParams(f.params)
	if err != nil {
		return err
	}
	if !slices.Contains(outputs, f.output) {
		return terroir.Errorf(terroir.EUSAGE, "--output %q is not one of %s", f.output, strings.Join(outputs, ", "))
	}
	if f.hub != "" {
		return remoteView(ctx, w, name, params, f)
	}
	reg, err := loadViews(f.views)
	if err != nil {
		return err
	}
	v, err := reg.Get(name)
	if err != nil {
		return err
	}
	statement, err := v.Shown(params)
	if err != nil {
		return usage(err)
	}
	if f.sql {
		_, err := fmt.Fprintln(w, statement)
		return err
	}
	s, err := openStore(ctx, f.source, f.views)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := query.Run(ctx, s.engine, v, params)
	if err != nil {
		return err
	}
	return printResult(w, f.output, v, r)
}

// usage turns a wrong parameter into a wrong use of the command line.
func usage(err error) error {
	if terroir.ErrorCode(err) == terroir.EINVALID {
		return &terroir.Error{Code: terroir.EUSAGE, Message: err.Error()}
	}
	return err
}

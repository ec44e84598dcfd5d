package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"terroir/encode"
	"terroir/enrich"
)

// openScanners opens the list that is in force for a folder of terroir.
func openScanners(dir string) (*enrich.Scanners, error) {
	return enrich.OpenScanners(filepath.Join(dir, "geo"))
}

func scannersCommand() *cobra.Command {
	c := &cobra.Command{Use: "scanners", Short: "The list of organisations that scan the internet and say so"}
	c.AddCommand(scannersInfoCommand(), scannersUpdateCommand())
	return c
}

func scannersInfoCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "info", Short: "Print which list is in force, and whom it knows", Args: cobra.NoArgs,
		Long: "Print which list is in force, its date and terms, what was read of it, and the organisations. An address that is listed is\n" +
			"marked as that of a scanner that identifies itself. That does not make it benign.",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openScanners(dir)
			if err != nil {
				return err
			}
			return printScanners(c.OutOrStdout(), s.Info())
		},
	}
	dirFlag(c, &dir)
	return c
}

func printScanners(out io.Writer, i enrich.ScannersInfo) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", name, printable(value)) }
	number := func(n int) string { return encode.Thousands(int64(n)) }
	if i.File == "" {
		i.File = "shipped with terroir"
	}
	row("list", i.File)
	row("date", i.Date)
	row("source", i.Source)
	if i.Licence != "" {
		row("licence", i.Licence)
	}
	row("addresses", number(i.IPv4)+" IPv4, "+number(i.IPv6)+" IPv6")
	row("networks", number(i.Networks)+"; "+number(i.LeftOut)+" more left out: most of their addresses may be anybody's")
	row("repeated", number(i.Repeated)+" lines")
	row("not read", number(i.Unread)+" lines")
	for _, line := range i.Examples {
		row("", line)
	}
	fmt.Fprintln(w, "\norganisation\tentries")
	for _, n := range i.Names {
		row(n.Name, strconv.Itoa(n.Entries))
	}
	return w.Flush()
}

func scannersUpdateCommand() *cobra.Command {
	var dir, date string
	c := &cobra.Command{
		Use: "update FILE…", Short: "Check a newer list and put it in force", Args: cobra.MinimumNArgs(1),
		Long: "Check a newer list and put it in force: from the next start of a hub, for imports at once. Each line is an address or a network\n" +
			"and, behind '#' or a comma, the name under which it announces itself. Several files are one list. Events that are in\n" +
			"the lake keep what was known when they came. Nothing is fetched.",
		Example: "  terroir scanners update --date 2026-11-02 mass_scanner.txt mass_scanner_cidr.txt",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := enrich.InstallScanners(filepath.Join(dir, "geo"), args, date)
			if err != nil {
				return err
			}
			return printScanners(c.OutOrStdout(), s.Info())
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringVar(&date, "date", "", "day or month of the list (default: its comment \"# date: …\", or when the newest file was changed)")
	return c
}

package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"terroir/lake"
)

// glueTable is the input of the AWS command line's glue create-table and update-table.
type glueTable struct {
	DatabaseName string
	TableInput   glueInput
}

type glueInput struct {
	Name              string
	TableType         string
	Parameters        map[string]string
	StorageDescriptor glueStorage
}

type glueStorage struct {
	Location string
	Columns  []glueColumn
}

type glueColumn struct{ Name, Type, Comment string }

func lakeGlueCommand() *cobra.Command {
	var src source
	var database string
	c := &cobra.Command{
		Use: "glue", Short: "Print what registers the tables, as they are now, with AWS Glue", Args: cobra.NoArgs,
		Long: "Print one line of JSON a table, for aws glue create-table and update-table --cli-input-json. Athena then reads the\n" +
			"tables as they are now; run it again to show what has come since. Nothing but terroir must write to them.",
		Example: "  terroir lake glue -c hub.yaml | while read -r t; do\n" +
			"    aws glue update-table --cli-input-json \"$t\" || aws glue create-table --cli-input-json \"$t\"; done",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openStore(c.Context(), src, "")
			if err != nil {
				return err
			}
			defer s.Close()
			out := json.NewEncoder(c.OutOrStdout())
			for _, name := range lake.Tables() {
				r, err := s.lake.Registration(c.Context(), name)
				if err != nil {
					return err
				}
				if err := out.Encode(glueOf(database, r)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	sourceFlags(c, &src)
	c.Flags().StringVar(&database, "database", lake.Namespace, "database in Glue")
	return c
}

func glueOf(database string, r lake.Registration) glueTable {
	g := glueTable{database, glueInput{r.Table, "EXTERNAL_TABLE", map[string]string{"table_type": "ICEBERG", "metadata_location": r.Metadata},
		glueStorage{Location: r.Location}}}
	for _, f := range r.Fields {
		g.TableInput.StorageDescriptor.Columns = append(g.TableInput.StorageDescriptor.Columns, glueColumn{f.Name, lake.AthenaType(f.Type), f.Doc})
	}
	return g
}

package lake

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Namespace is the Iceberg namespace of all tables.
const Namespace = "terroir"

// column is one column of a table of T and how Ts fill it. Field ids are the columns' places, counted from 1: new
// columns go to the end, and none is ever taken away.
type column[T any] struct {
	name     string
	typ      iceberg.PrimitiveType
	required bool
	doc      string
	values   func(rows int) values[T]
}

// tableOf describes a table whose rows are made from Ts.
type tableOf[T any] struct {
	name    string
	columns []column[T]
	// partition lists the columns of the partition (a timestamp by day, anything else as it is); sort those of the order.
	partition, sort []string
	// arrange brings rows into that order, a run for each partition; nil where there is neither.
	arrange func([]*T) [][]*T
	arrow   *arrow.Schema
}

func (t *tableOf[T]) fieldID(name string) int {
	for i, c := range t.columns {
		if c.name == name {
			return i + 1
		}
	}
	panic("lake: table " + t.name + " has no column " + name)
}

func (t *tableOf[T]) schema() *iceberg.Schema {
	fields := make([]iceberg.NestedField, len(t.columns))
	for i, c := range t.columns {
		fields[i] = iceberg.NestedField{ID: i + 1, Name: c.name, Type: c.typ, Required: c.required, Doc: c.doc}
	}
	return iceberg.NewSchema(0, fields...)
}

func (t *tableOf[T]) partitionSpec() *iceberg.PartitionSpec {
	var fields []iceberg.PartitionField
	for i, name := range t.partition {
		id := t.fieldID(name)
		f := iceberg.PartitionField{SourceIDs: []int{id}, FieldID: 1000 + i, Name: name, Transform: iceberg.IdentityTransform{}}
		if t.columns[id-1].typ == iceberg.PrimitiveTypes.TimestampTz {
			f.Name, f.Transform = name+"_day", iceberg.DayTransform{}
		}
		fields = append(fields, f)
	}
	spec := iceberg.NewPartitionSpec(fields...)
	return &spec
}

func (t *tableOf[T]) sortOrder() (table.SortOrder, error) {
	if len(t.sort) == 0 {
		return table.UnsortedSortOrder, nil
	}
	var fields []table.SortField
	for _, name := range t.sort {
		fields = append(fields, table.SortField{SourceIDs: []int{t.fieldID(name)}, Transform: iceberg.IdentityTransform{},
			Direction: table.SortASC, NullOrder: table.NullsFirst})
	}
	return table.NewSortOrder(1, fields)
}

// blockRows is how many rows are gone through column by column: so few that the processor's cache holds them, wherever in
// memory they are.
const blockRows = 64

// record builds one Arrow record batch of the rows; the caller releases it.
func (t *tableOf[T]) record(rows []*T) (arrow.RecordBatch, error) {
	if t.arrow == nil {
		return nil, fmt.Errorf("lake: table %s has no arrow schema", t.name)
	}
	made := make([]values[T], len(t.columns))
	for i, c := range t.columns {
		made[i] = c.values(len(rows))
	}
	for block := range slices.Chunk(rows, blockRows) {
		for _, v := range made {
			v.add(block)
		}
	}
	arrays := make([]arrow.Array, len(made))
	for i, v := range made {
		a, err := v.array(t.arrow.Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", t.columns[i].name, err)
		}
		defer a.Release()
		arrays[i] = a
	}
	return array.NewRecordBatch(t.arrow, arrays, int64(len(rows))), nil
}

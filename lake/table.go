package lake

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Namespace is the Iceberg namespace of all tables.
const Namespace = "terroir"

// column is one column of a table of T and how a T fills it. Field ids are the columns' places, counted from 1: new
// columns go to the end, and none is ever taken away.
type column[T any] struct {
	name     string
	typ      iceberg.PrimitiveType
	required bool
	doc      string
	put      func(array.Builder, *T)
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
const blockRows = 128

// record builds one Arrow record batch of the rows; the caller releases it.
func (t *tableOf[T]) record(rows []*T) (arrow.RecordBatch, error) {
	if t.arrow == nil {
		return nil, fmt.Errorf("lake: table %s has no arrow schema", t.name)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.arrow)
	defer b.Release()
	b.Reserve(len(rows))
	for block := range slices.Chunk(rows, blockRows) {
		for i, c := range t.columns {
			f := b.Field(i)
			for _, r := range block {
				c.put(f, r)
			}
		}
	}
	return b.NewRecordBatch(), nil
}

// Builders of values. A zero string or number of an optional column is null: it means "not known".

func putString[T any](get func(*T) string) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.StringBuilder).Append(get(v)) }
}

func putOptionalString[T any](get func(*T) string) func(array.Builder, *T) {
	return func(b array.Builder, v *T) {
		if s := get(v); s != "" {
			b.(*array.StringBuilder).Append(s)
		} else {
			b.AppendNull()
		}
	}
}

func putInt32[T any](get func(*T) int32) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.Int32Builder).Append(get(v)) }
}

func putInt64[T any](get func(*T) int64) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.Int64Builder).Append(get(v)) }
}

func putOptionalInt64[T any](get func(*T) int64) func(array.Builder, *T) {
	return func(b array.Builder, v *T) {
		if n := get(v); n != 0 {
			b.(*array.Int64Builder).Append(n)
		} else {
			b.AppendNull()
		}
	}
}

func putBool[T any](get func(*T) bool) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.BooleanBuilder).Append(get(v)) }
}

func putBytes[T any](get func(*T) []byte) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.BinaryBuilder).Append(get(v)) }
}

func putOptionalBytes[T any](get func(*T) []byte) func(array.Builder, *T) {
	return func(b array.Builder, v *T) {
		if x := get(v); len(x) > 0 {
			b.(*array.BinaryBuilder).Append(x)
		} else {
			b.AppendNull()
		}
	}
}

func putFloat64[T any](get func(*T) float64) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.Float64Builder).Append(get(v)) }
}

// putMicros puts a time given as microseconds since 1970 UTC.
func putMicros[T any](get func(*T) int64) func(array.Builder, *T) {
	return func(b array.Builder, v *T) { b.(*array.TimestampBuilder).Append(arrow.Timestamp(get(v))) }
}

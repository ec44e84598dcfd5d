package lake

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// values are those of one column, as Arrow lays them out. They are not made with Arrow's builders, which look at the room that
// is left with every value, and want texts as values of their own: that costs three times as much.
type values[T any] interface {
	// add takes those of the rows.
	add(rows []*T)
	// array is all of them.
	array(arrow.DataType) (arrow.Array, error)
}

// presence says which values are there. Without bits all are.
type presence struct {
	bits        []byte
	rows, nulls int
}

func newPresence(rows int, optional bool) (p presence) {
	if optional {
		p.bits = make([]byte, bitutil.BytesForBits(int64(rows)))
	}
	return p
}

// next takes the next value, which is not there where it is empty and may be missing.
func (p *presence) next(empty bool) {
	if p.bits != nil {
		if empty {
			p.nulls++
		} else {
			bitutil.SetBit(p.bits, p.rows)
		}
	}
	p.rows++
}

// with makes an array of the buffers.
func (p *presence) with(typ arrow.DataType, buffers ...[]byte) arrow.Array {
	all := make([]*memory.Buffer, 1, len(buffers)+1)
	if p.nulls > 0 {
		all[0] = memory.NewBufferBytes(p.bits)
	}
	for _, b := range buffers {
		all = append(all, memory.NewBufferBytes(b))
	}
	data := array.NewData(typ, p.rows, all, nil, p.nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// texts are strings or bytes.
type texts[T any] struct {
	presence
	// put appends that of a row.
	put     func([]byte, *T) []byte
	offsets []int32
	bytes   []byte
}

// mostAhead bounds the room that is made ahead of texts, in bytes.
const mostAhead = 2 << 20

func (c *texts[T]) add(rows []*T) {
	if len(c.bytes) > 0 { // By what the rows before were like, there is room for the rest at once: not for payloads, which differ.
		c.bytes = slices.Grow(c.bytes, min(len(c.bytes)/c.rows*(cap(c.offsets)-len(c.offsets)), mostAhead))
	}
	for _, r := range rows {
		before := len(c.bytes)
		c.bytes = c.put(c.bytes, r)
		c.offsets = append(c.offsets, int32(len(c.bytes)))
		c.next(len(c.bytes) == before)
	}
}

func (c *texts[T]) array(typ arrow.DataType) (arrow.Array, error) {
	if len(c.bytes) > math.MaxInt32 {
		return nil, fmt.Errorf("%d bytes are too many for %d rows", len(c.bytes), c.rows)
	}
	return c.with(typ, arrow.GetBytes(c.offsets), c.bytes), nil
}

// numbers are numbers, or times as numbers.
type numbers[T any, N int32 | int64 | float64] struct {
	presence
	get func(*T) N
	all []N
}

func (c *numbers[T, N]) add(rows []*T) {
	for _, r := range rows {
		n := c.get(r)
		c.all = append(c.all, n)
		c.next(n == 0)
	}
}

func (c *numbers[T, N]) array(typ arrow.DataType) (arrow.Array, error) {
	return c.with(typ, arrow.GetBytes(c.all)), nil
}

// bools are bits.
type bools[T any] struct {
	presence
	get func(*T) bool
	all []byte
}

func (c *bools[T]) add(rows []*T) {
	for _, r := range rows {
		if c.get(r) {
			bitutil.SetBit(c.all, c.rows)
		}
		c.next(false)
	}
}

func (c *bools[T]) array(typ arrow.DataType) (arrow.Array, error) { return c.with(typ, c.all), nil }

// The kinds of columns, each made for a number of rows. An empty text or zero of an optional column is null: it means "not
// known".

func textsOf[T any](optional bool, put func([]byte, *T) []byte) func(int) values[T] {
	return func(rows int) values[T] {
		return &texts[T]{presence: newPresence(rows, optional), put: put, offsets: append(make([]int32, 0, rows+1), 0)}
	}
}

func putText[T any](put func([]byte, *T) []byte) func(int) values[T] { return textsOf(false, put) }

func putOptionalText[T any](put func([]byte, *T) []byte) func(int) values[T] {
	return textsOf(true, put)
}

func putString[T any](get func(*T) string) func(int) values[T] {
	return textsOf(false, func(b []byte, v *T) []byte { return append(b, get(v)...) })
}

func putOptionalString[T any](get func(*T) string) func(int) values[T] {
	return textsOf(true, func(b []byte, v *T) []byte { return append(b, get(v)...) })
}

func putBytes[T any](get func(*T) []byte) func(int) values[T] {
	return textsOf(false, func(b []byte, v *T) []byte { return append(b, get(v)...) })
}

func putOptionalBytes[T any](get func(*T) []byte) func(int) values[T] {
	return textsOf(true, func(b []byte, v *T) []byte { return append(b, get(v)...) })
}

func numbersOf[T any, N int32 | int64 | float64](optional bool, get func(*T) N) func(int) values[T] {
	return func(rows int) values[T] {
		return &numbers[T, N]{presence: newPresence(rows, optional), get: get, all: make([]N, 0, rows)}
	}
}

func putInt32[T any](get func(*T) int32) func(int) values[T] { return numbersOf(false, get) }

func putOptionalInt32[T any](get func(*T) int32) func(int) values[T] { return numbersOf(true, get) }

func putInt64[T any](get func(*T) int64) func(int) values[T] { return numbersOf(false, get) }

func putOptionalInt64[T any](get func(*T) int64) func(int) values[T] { return numbersOf(true, get) }

func putFloat64[T any](get func(*T) float64) func(int) values[T] { return numbersOf(false, get) }

// putMicros puts a time given as microseconds since 1970 UTC.
func putMicros[T any](get func(*T) int64) func(int) values[T] { return numbersOf(false, get) }

func putBool[T any](get func(*T) bool) func(int) values[T] {
	return func(rows int) values[T] {
		return &bools[T]{get: get, all: make([]byte, bitutil.BytesForBits(int64(rows)))}
	}
}

package spool

import (
	"context"
	"sync"
	"testing"
)

// BenchmarkAppend shows what appenders that wait together for one write gain over one that waits alone.
func BenchmarkAppend(b *testing.B) {
	for name, appenders := range map[string]int{"1": 1, "64": 64} {
		b.Run(name, func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			data := make([]byte, 500)
			var wg sync.WaitGroup
			work := make(chan struct{}, appenders)
			for range appenders {
				wg.Go(func() {
					for range work {
						if _, err := s.Append(context.Background(), func(p []byte, _ uint64) []byte { return append(p, data...) }); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
		})
	}
}

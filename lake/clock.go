package lake

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clockSkew is how far a time of a table's history may lie ahead of this machine's clock; the library bears a minute.
const clockSkew = 30 * time.Second

// historyTime is a time in a metadata file: of a snapshot, of a file before it, of the last change.
var historyTime = regexp.MustCompile(`"(?:timestamp-ms|last-updated-ms)"\s*:\s*(\d+)`)

// ReadFile reads the file. Times of a table's history that are still to come are read as now: a clock that was moved
// back, or another hub's that is ahead, would otherwise keep every commit off until that time, since the library
// refuses a snapshot that is older than the last one. Times of events are not touched.
func (s *syncFS) ReadFile(name string) ([]byte, error) {
	text, err := s.LocalFS.ReadFile(name)
	if err != nil || !strings.HasSuffix(name, ".metadata.json") {
		return text, err
	}
	return notAfter(text, time.Now()), nil
}

// notAfter puts now in the place of later times.
func notAfter(metadata []byte, now time.Time) []byte {
	latest := now.Add(clockSkew).UnixMilli()
	return historyTime.ReplaceAllFunc(metadata, func(field []byte) []byte {
		digits := bytes.LastIndexFunc(field, func(r rune) bool { return r < '0' || r > '9' }) + 1
		if at, err := strconv.ParseInt(string(field[digits:]), 10, 64); err != nil || at <= latest {
			return field
		}
		return strconv.AppendInt(field[:digits:digits], now.UnixMilli(), 10)
	})
}

package enrich

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"terroir"
)

// The shipped databases, built on 2026-06-17 from data of NRO, RouteViews and DB-IP (CC BY 4.0; see NOTICE).
var (
	//go:embed country.mmdb.zst
	shippedCountry []byte
	//go:embed asn.mmdb.zst
	shippedASN []byte
)

// Unpack puts the shipped databases into dir, where they are not there yet, and returns their paths. They lie there
// as files so that they can be mapped, shared between processes and replaced by newer ones.
//
// A folder that cannot be written yields an EUNREACHABLE error.
func Unpack(dir string) (country, asn string, err error) {
	country, asn = filepath.Join(dir, "country.mmdb"), filepath.Join(dir, "asn.mmdb")
	for file, packed := range map[string][]byte{country: shippedCountry, asn: shippedASN} {
		if err := unpack(file, packed); err != nil {
			return "", "", &terroir.Error{Code: terroir.EUNREACHABLE, Where: file, Message: "cannot unpack the shipped database", Err: err}
		}
	}
	return country, asn, nil
}

func unpack(file string, packed []byte) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	defer d.Close()
	plain, err := d.DecodeAll(packed, nil)
	if err != nil {
		return err
	}
	return replace(file, plain)
}

// replace writes the file beside its place and renames it: another process sees all of it or nothing.
func replace(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, file)
}

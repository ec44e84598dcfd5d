package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// A backup is a folder with the data files of the tables' current snapshots and one file that lists them. Data files never
// change: a second backup into the same folder copies only what is new. It holds nothing of the catalog, and is
// restored anywhere.
const backupList = "backup.json"

type backup struct {
	Made   time.Time     `json:"made"`
	Tables []tableBackup `json:"tables"`
}

type tableBackup struct {
	Name       string             `json:"name"`
	Snapshot   int64              `json:"snapshot"`
	Properties iceberg.Properties `json:"properties"`
	Files      []fileBackup       `json:"files"`
}

type fileBackup struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// BackupResult says what a backup holds, or what was restored.
type BackupResult struct {
	Files, Copied int
	Bytes, Rows   int64
}

// Backup writes the tables as they are now into dir. Commits may go on meanwhile: the backup has each of them whole or not
// at all, and no event without what came with it. An earlier backup in dir stays what it is until this one is complete.
func (l *Lake) Backup(ctx context.Context, dir string) (r BackupResult, err error) {
	if err := l.inFolder(); err != nil {
		return r, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, unusable(dir, err)
	}
	sums, err := l.recall(ctx)
	if err != nil {
		return r, err
	}
	b := backup{Made: time.Now().UTC().Truncate(time.Second)}
	names := Tables()
	for i := len(names) - 1; i >= 0; i-- { // Events first: what its marks vouch for is in the others already.
		t, err := l.backupTable(ctx, dir, names[i], sums, &r)
		if err != nil {
			return r, fmt.Errorf("lake: backup: table %s: %w", names[i], err)
		}
		b.Tables = append(b.Tables, t)
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return r, err
	}
	list := filepath.Join(dir, backupList)
	if err := os.WriteFile(list+".new", text, 0o644); err != nil {
		return r, unusable(dir, err)
	}
	for _, path := range []string{list + ".new", dir} {
		if err := syncPath(path); err != nil {
			return r, unusable(dir, err)
		}
	}
	if err := os.Rename(list+".new", list); err != nil {
		return r, unusable(dir, err)
	}
	return r, syncPath(dir)
}

func (l *Lake) backupTable(ctx context.Context, dir, name string, sums map[string]fileSum, r *BackupResult) (b tableBackup, err error) {
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return b, err
	}
	b = tableBackup{Name: name, Snapshot: snapshotID(t), Properties: t.Properties()}
	if b.Snapshot == 0 {
		return b, nil
	}
	tasks, err := t.Scan().PlanFiles(ctx)
	if err != nil {
		return b, err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return b, err
	}
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		return b, err
	}
	for _, task := range tasks {
		if hasDeletes(&task) {
			return b, errors.New("it has delete files; let the engine that wrote them rewrite the data (OPTIMIZE) first")
		}
		from := task.File.FilePath()
		f := fileBackup{Name: from[strings.LastIndexByte(from, '/')+1:], Bytes: task.File.FileSizeBytes(), Rows: task.File.Count()}
		copied, err := copyOut(fs, from, filepath.Join(dir, name, f.Name), sums[plainPath(from)], &f)
		if err != nil {
			return b, err
		}
		r.Files, r.Bytes, r.Rows = r.Files+1, r.Bytes+f.Bytes, r.Rows+f.Rows
		if copied {
			r.Copied++
		}
		b.Files = append(b.Files, f)
	}
	return b, syncPath(filepath.Join(dir, name))
}

// copyOut copies a file unless a copy with its sum is there. A file that is not what was written, or a copy that is not, is never
// vouched for. written is the zero sum for a file of another engine, which nobody summed up: it is copied each time.
func copyOut(fs icebergio.IO, from, to string, written fileSum, f *fileBackup) (copied bool, err error) {
	if sum, err := sumFile(to); err == nil && sum == written && sum.bytes == f.Bytes {
		f.SHA256 = hex.EncodeToString(sum.sha256[:])
		return false, nil
	}
	in, err := fs.Open(from)
	if err != nil {
		return false, err
	}
	defer in.Close()
	out, err := os.Create(to + ".new") // What an earlier backup has there stays until this is whole.
	if err != nil {
		return false, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		sum := fileSum{n, [sha256.Size]byte(h.Sum(nil))}
		if written != (fileSum{}) && sum != written {
			err = errors.New(f.Name + " is not what was written to the lake (terroir lake verify)")
		}
		f.SHA256 = hex.EncodeToString(sum.sha256[:])
	}
	if err != nil {
		return false, errors.Join(err, os.Remove(to+".new"))
	}
	return true, os.Rename(to+".new", to)
}

// Restore fills a lake that has no rows yet from a backup, marks included: sensors go on where the backup was made, and
// send again what came later if they still have it.
//
// A lake with rows, or a backup that is not complete, yields an error, and nothing is changed.
func (l *Lake) Restore(ctx context.Context, dir string) (r BackupResult, err error) {
	text, err := os.ReadFile(filepath.Join(dir, backupList))
	if err != nil {
		return r, &terroir.Error{Code: terroir.ENOTFOUND, Where: dir, Message: "there is no complete backup here", Err: err}
	}
	var b backup
	if err := json.Unmarshal(text, &b); err != nil {
		return r, &terroir.Error{Code: terroir.EINVALID, Where: filepath.Join(dir, backupList), Message: "not a backup", Err: err}
	}
	if err := b.check(dir); err != nil {
		return r, err
	}
	for _, t := range b.Tables {
		if id, err := l.Snapshot(ctx, t.Name); err != nil {
			return r, err
		} else if id != 0 {
			return r, &terroir.Error{Code: terroir.EINVALID, Where: l.dir, Message: "the lake has rows already", Hint: "restore into a new folder"}
		}
	}
	for i := len(b.Tables) - 1; i >= 0; i-- { // Events last, as in every commit.
		if err := l.restoreTable(ctx, dir, &b.Tables[i], &r); err != nil {
			return r, fmt.Errorf("lake: restore: table %s: %w", b.Tables[i].Name, err)
		}
	}
	return r, nil
}

// check looks at the list of the backup, which may come from anywhere, and compares the files with it.
func (b *backup) check(dir string) error {
	tables := Tables()
	for _, t := range b.Tables {
		if !slices.Contains(tables, t.Name) {
			return &terroir.Error{Code: terroir.EINVALID, Where: filepath.Join(dir, backupList), Message: fmt.Sprintf("the backup has a table %q, which there is not, or twice", t.Name)}
		}
		tables = slices.DeleteFunc(tables, func(name string) bool { return name == t.Name })
		for _, f := range t.Files {
			path := filepath.Join(dir, t.Name, filepath.Base(f.Name))
			sum, err := sumFile(path)
			if err == nil && (sum.bytes != f.Bytes || hex.EncodeToString(sum.sha256[:]) != f.SHA256) {
				err = errors.New("it is not the file that was backed up")
			}
			if err != nil {
				return &terroir.Error{Code: terroir.EINVALID, Where: path, Message: "the backup is damaged", Err: err}
			}
		}
	}
	return nil
}

func (l *Lake) restoreTable(ctx context.Context, dir string, b *tableBackup, r *BackupResult) error {
	return l.fenced(ctx, b.Name, func(t *table.Table) error {
		fs, err := t.FS(ctx)
		if err != nil {
			return err
		}
		out, ok := fs.(icebergio.WriteFileIO)
		if !ok {
			return errors.New("its storage cannot be written")
		}
		var files []iceberg.DataFile
		for _, f := range b.Files {
			name := t.Location() + "/data/restored/" + filepath.Base(f.Name)
			if err := moveFile(filepath.Join(dir, b.Name, filepath.Base(f.Name)), out, name); err != nil {
				return err
			}
			d, err := table.FileToDataFile(ctx, fs, name, lenient(t.Schema()), t.Spec(), t.SortOrder().OrderID(), t.Properties())
			if err != nil {
				return err
			}
			files = append(files, d)
			r.Files, r.Copied, r.Bytes, r.Rows = r.Files+1, r.Copied+1, r.Bytes+f.Bytes, r.Rows+f.Rows
		}
		tx := t.NewTransaction()
		if err := fence(tx); err != nil {
			return err
		}
		if marks := ownProperties(b.Properties); len(marks) > 0 {
			if err := tx.SetProperties(marks); err != nil {
				return err
			}
		}
		if len(files) > 0 {
			if err := tx.AddDataFiles(ctx, files, nil); err != nil {
				return err
			}
		}
		_, err = tx.Commit(ctx)
		return err
	})
}

// ownProperties are those that terroir gave the table: its marks.
func ownProperties(all iceberg.Properties) iceberg.Properties {
	own := iceberg.Properties{}
	for k, v := range all {
		if k == streamProperty || strings.HasPrefix(k, markPrefix) {
			own[k] = v
		}
	}
	return own
}

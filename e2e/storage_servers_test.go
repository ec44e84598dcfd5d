package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The servers of the storage profile, each started by the test that needs it and gone with it: a server that speaks S3,
// a PostgreSQL and a Trino. .ci/run installs them.

// unavailable skips the test, or fails it where every tool is to be there.
func unavailable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format+"; .ci/run installs it", args...)
}

// installed is the path of what .ci/run keeps between runs.
func installed(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("XDG_CACHE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(home, ".cache")
	}
	path := filepath.Join(dir, "terroir-ci", name)
	if _, err := os.Stat(path); err != nil {
		unavailable(t, "%s is not installed", name)
	}
	return path
}

// serve runs a server until the test ends. What it says is shown if the test fails.
func serve(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Setpgid, c.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	c.WaitDelay = time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
		if t.Failed() {
			text := said.String()
			t.Logf("%s said:\n%s", c.Path, text[max(0, len(text)-4000):])
		}
	})
}

// eventually waits until try succeeds.
func eventually(t *testing.T, what string, limit time.Duration, try func() error) {
	t.Helper()
	end := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not answer after %s: %v", what, limit, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

const (
	serverUser   = "terroir"
	serverSecret = "a-secret-of-the-test"
	bucket       = "terroir"
	s3Region     = "us-east-1"
)

// startS3 starts a MinIO with an empty bucket and returns its URL.
func startS3(t *testing.T) string {
	t.Helper()
	minio := installed(t, "minio")
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	c := exec.Command(minio, "server", "--quiet", "--address", address, "--console-address", "127.0.0.1:0", t.TempDir())
	c.Env = append(os.Environ(), "MINIO_ROOT_USER="+serverUser, "MINIO_ROOT_PASSWORD="+serverSecret, "MINIO_BROWSER=off", "MINIO_UPDATE=off")
	serve(t, c)
	endpoint := "http://" + address
	client := s3.New(s3.Options{BaseEndpoint: aws.String(endpoint), UsePathStyle: true, Region: s3Region,
		Credentials: credentials.NewStaticCredentialsProvider(serverUser, serverSecret, "")})
	eventually(t, "MinIO", 30*time.Second, func() error {
		_, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
		return err
	})
	return endpoint
}

// postgres is a running PostgreSQL.
type postgres struct {
	host string
}

func (p postgres) url(database string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", serverUser, serverSecret, p.host, database)
}

// startPostgres starts a PostgreSQL of its own, beside any that the system runs, with the databases.
func startPostgres(t *testing.T, databases ...string) postgres {
	t.Helper()
	bin := postgresPrograms(t)
	dir := t.TempDir()
	attr := unprivileged(t, dir)
	run := func(program string, args ...string) {
		t.Helper()
		c := exec.Command(filepath.Join(bin, program), args...)
		c.Env, c.Dir, c.SysProcAttr = append(os.Environ(), "PGPASSWORD="+serverSecret), dir, attr
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	secret, data := filepath.Join(dir, "secret"), filepath.Join(dir, "data")
	if err := os.WriteFile(secret, []byte(serverSecret), 0o644); err != nil {
		t.Fatal(err)
	}
	run("initdb", "-D", data, "-U", serverUser, "--pwfile", secret, "--auth", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C")
	port := freePort(t)
	c := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", dir)
	c.Dir = dir
	if attr != nil {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: attr.Credential}
	}
	serve(t, c)
	at := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(port), "-U", serverUser}
	eventually(t, "PostgreSQL", 30*time.Second, func() error {
		return exec.Command(filepath.Join(bin, "pg_isready"), at[:4]...).Run()
	})
	for _, d := range databases {
		run("createdb", append(at, d)...)
	}
	return postgres{fmt.Sprintf("127.0.0.1:%d", port)}
}

// postgresPrograms is the folder of initdb, which Debian keeps out of the path.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	p, err := exec.LookPath("initdb")
	if err == nil {
		p, err = filepath.EvalSymlinks(p)
	}
	if err != nil {
		unavailable(t, "PostgreSQL is not installed")
	}
	return filepath.Dir(p)
}

// unprivileged makes dir one of a user without rights, as which PostgreSQL must run; nil if that is who runs the test.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		unavailable(t, "there is no user nobody to run PostgreSQL as: %v", err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := errors.Join(os.Chown(dir, uid, gid), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// trinoServer is where .ci/run unpacks the server.
const trinoServer = "trino-server-476"

// startTrino starts a Trino with the catalogs (file name to text) and returns its URL once it answers.
func startTrino(t *testing.T, catalogs map[string]string, env ...string) string {
	t.Helper()
	home, java := installed(t, trinoServer), javaHome(t)
	etc, port := t.TempDir(), freePort(t)
	files := map[string]string{
		"node.properties": "node.environment=test\nnode.id=test\nnode.data-dir=" + t.TempDir() + "\n",
		"config.properties": fmt.Sprintf("coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port=%d\n"+
			"discovery.uri=http://127.0.0.1:%[1]d\nquery.max-memory=1GB\nquery.max-memory-per-node=1GB\n", port),
		"log.properties": "io.trino=WARN\nio.airlift=WARN\n",
		"jvm.config": "-Xmx3G\n-XX:+UseG1GC\n-XX:+ExitOnOutOfMemoryError\n-XX:TieredStopAtLevel=1\n-XX:-UsePerfData\n" +
			"-Djdk.attach.allowAttachSelf=true\n-Dfile.encoding=UTF-8\n--add-modules=jdk.incubator.vector\n-XX:+EnableDynamicAgentLoading\n",
	}
	for name, text := range catalogs {
		files[filepath.Join("catalog", name+".properties")] = text
	}
	for name, text := range files {
		path := filepath.Join(etc, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(filepath.Join(home, "bin", "launcher"), "run", "--etc-dir", etc)
	c.Env = append(append(os.Environ(), "JAVA_HOME="+java, "PATH="+filepath.Join(java, "bin")+":"+os.Getenv("PATH")), env...)
	serve(t, c)
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	eventually(t, "Trino", 3*time.Minute, func() error {
		resp, err := http.Get(address + "/v1/info")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(text), `"starting":false`) {
			err = errors.New("it is starting")
		}
		return err
	})
	return address
}

var javaVersion = regexp.MustCompile(`(?m)^JAVA_VERSION="(\d+)`)

// javaHome finds a Java that this Trino runs on: 24 or newer.
func javaHome(t *testing.T) string {
	t.Helper()
	homes, _ := filepath.Glob("/usr/lib/jvm/*")
	for _, h := range append([]string{os.Getenv("JAVA_HOME")}, homes...) {
		text, _ := os.ReadFile(filepath.Join(h, "release"))
		if m := javaVersion.FindSubmatch(text); m != nil {
			if n, _ := strconv.Atoi(string(m[1])); n >= 24 {
				return h
			}
		}
	}
	unavailable(t, "Trino needs Java 24 or newer, and there is none")
	return ""
}

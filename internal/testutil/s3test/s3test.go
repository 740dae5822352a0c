// Package s3test runs a real S3-compatible server over a folder: versitygw, which is pinned in hack/tools/versitygw.
package s3test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
)

const (
	bucket = "archive"
	key    = "testaccesskey"
	secret = "testsecretkey"
)

// Server is a running server with one bucket.
type Server struct {
	URL    string // of the bucket, as gocloud.dev/blob wants it
	Folder string // where the server keeps the bucket's objects, as files
}

// Start starts a server that ends with the test, and sets the credentials in the test's environment. It takes the program at
// VERSITYGW, which make sets, else it builds it, which takes minutes.
func Start(t *testing.T) Server {
	t.Helper()
	root := t.TempDir()
	objects, attributes := filepath.Join(root, "objects"), filepath.Join(root, "attributes")
	for _, folder := range []string{filepath.Join(objects, bucket), attributes} {
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	addresses, err := freeport.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(context.WithoutCancel(t.Context()), program(t), "--port", addresses[0], "--quiet", "posix", "--sidecar", attributes, objects)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+key, "ROOT_SECRET_ACCESS_KEY="+secret)
	if testing.Verbose() {
		server.Stderr = os.Stderr
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	listens(t, addresses[0])
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	return Server{
		URL:    fmt.Sprintf("s3://%s?endpoint=http://%s&region=us-east-1&use_path_style=true", bucket, addresses[0]),
		Folder: filepath.Join(objects, bucket),
	}
}

func program(t *testing.T) string {
	t.Helper()
	if binary := os.Getenv("VERSITYGW"); binary != "" {
		return binary
	}
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "../../../hack/tools/versitygw")
	binary := filepath.Join(t.TempDir(), "versitygw")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", module, "-o", binary, "tool")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build versitygw: %v\n%s", err, output)
	}
	return binary
}

func listens(t *testing.T, address string) {
	t.Helper()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for range 1500 {
		if connection, err := net.Dial("tcp", address); err == nil {
			_ = connection.Close()
			return
		}
		<-retry.C
	}
	t.Fatal("versitygw does not listen after 30 s")
}

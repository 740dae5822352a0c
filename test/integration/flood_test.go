package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// flood is what attackers without the secret send, from loopback and so faster than from any network.
type flood struct {
	*operator
	address string
	sent    atomic.Int64 // connections on which the attackers have sent what they send
}

// TestFloods sends floods to a receiver that runs as the manifests run it. Honest senders, whose bodies follow 100 ms
// after the headers, are all answered 200 meanwhile, and the process takes at most half of the memory that its pod may
// take.
func TestFloods(t *testing.T) {
	container := rendered(t, "config/split").container(t, "tollkeeper-receiver")
	limit := container.Resources.Limits.Memory().Value()
	for _, variable := range container.Env {
		if variable.Name == "GOMEMLIMIT" {
			t.Setenv(variable.Name, strings.TrimSpace(variable.Value))
		}
	}
	for name, attack := range map[string]struct {
		start func(f *flood, ctx context.Context, sending *sync.WaitGroup)
		ready int64 // how many connections the attackers use before the honest senders begin
	}{
		"2,000 unsigned bodies of almost 1 MiB at a time": {bodiesOf(1<<20 - 1), 3000},
		"2,000 unsigned bodies of 64 KiB at a time":       {bodiesOf(64 << 10), 3000},
		"2,400 unsigned headers a second":                 {(*flood).headers, 2400},
		"500 slow senders":                                {(*flood).slowly, 500},
	} {
		t.Run(name, func(t *testing.T) {
			f, manager := startFlooded(t, limit)
			idle := peakMemory(t, manager.Process.Pid)
			ctx, stop := context.WithCancel(t.Context())
			var sending sync.WaitGroup
			defer func() { stop(); sending.Wait() }()
			start := time.Now()
			attack.start(f, ctx, &sending)
			f.eventually("the flood is at its height", func() string {
				if sent := f.sent.Load(); sent < attack.ready {
					return fmt.Sprintf("%d connections used", sent)
				}
				return ""
			})
			answers := f.honestSenders("evt")
			peak := peakMemory(t, manager.Process.Pid)
			t.Logf("honest senders were answered %v; the attackers used %d connections in %s; the receiver took %d MiB at most, and %d MiB before",
				answers, f.sent.Load(), time.Since(start).Round(time.Second), peak>>20, idle>>20)
			if diff := cmp.Diff(map[string]int{"200": honestEvents}, answers); diff != "" {
				t.Errorf("answers to honest senders (-want +got):\n%s", diff)
			}
			if peak > limit/2 {
				t.Errorf("the receiver took %d MiB, want at most half of the %d MiB that its pod may take", peak>>20, limit>>20)
			}
		})
	}
}

// startFlooded starts a receiver that may take as much memory as the limit, in bytes.
func startFlooded(t *testing.T, limit int64) (*flood, *process) {
	t.Helper()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	f := &flood{operator: &operator{t: t, namespace: namespace}, address: freeAddress(t)}
	manager := startProcess(t, namespace, func(c *config.Config) {
		c.Components, c.ReceiverBindAddress = config.Components{Receiver: true}, f.address
	})
	confine(t, manager, limit)
	f.eventually("the receiver listens", func() string {
		if _, err := f.honest("evt_First", 0); err != nil {
			return err.Error()
		}
		return ""
	})
	return f, manager
}

// honestEvents is how many events the honest senders send during one flood.
const honestEvents = 8 * 12

// honestSenders sends honestEvents events, eight at a time, and counts the answers.
func (f *flood) honestSenders(name string) map[string]int {
	const senders = 8
	var mutex sync.Mutex
	answers := map[string]int{}
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range honestEvents / senders {
				answer, err := f.honest(fmt.Sprintf("%s_%d_%d", name, sender, i), 100*time.Millisecond)
				if err != nil {
					answer = err.Error()
				}
				mutex.Lock()
				answers[answer]++
				mutex.Unlock()
			}
		})
	}
	sending.Wait()
	return answers
}

// honest sends a signed event on a connection of its own, with a pause between header and body. It returns the status of
// the answer.
func (f *flood) honest(id string, pause time.Duration) (string, error) {
	now := time.Now()
	body := Event{ID: id, Type: "customer.created", Created: now, Livemode: true, Object: Customer("cus_"+id, "ada@example.com", "Ada")}.JSON()
	connection, err := net.Dial("tcp", f.address)
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(now.Add(patience))
	if _, err := io.WriteString(connection, floodHeader(Sign(body, now, secret), len(body))); err != nil {
		return "", err
	}
	<-time.After(pause)
	_, sendErr := connection.Write(body) // fails if the receiver has already answered
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return "", errors.Join(sendErr, err)
	}
	_ = response.Body.Close()
	return strconv.Itoa(response.StatusCode), nil
}

func floodHeader(signature string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n", receiver.Path, signature, length)
}

// guess is the header of a client that does not know the secret.
func guess(length int) string {
	return floodHeader(fmt.Sprintf("t=%d,v1=%s", time.Now().Unix(), strings.Repeat("0", 64)), length)
}

// attempt sends the text and then, piece by piece, more. It returns when the receiver has answered or closed the
// connection, or when ctx ends.
func (f *flood) attempt(ctx context.Context, text string, more func(net.Conn) error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", f.address)
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	defer func() { _ = connection.Close() }()
	_, err = io.WriteString(connection, text)
	f.sent.Add(1)
	if err == nil && more != nil {
		err = more(connection)
	}
	if err == nil {
		_, _ = connection.Read(make([]byte, 1))
	}
}

// bodiesOf keeps 2,000 connections busy with bodies of the size.
func bodiesOf(size int) func(*flood, context.Context, *sync.WaitGroup) {
	body := make([]byte, size)
	return func(f *flood, ctx context.Context, sending *sync.WaitGroup) {
		for range 2000 {
			sending.Go(func() {
				for ctx.Err() == nil {
					f.attempt(ctx, guess(size), func(connection net.Conn) error {
						_, err := connection.Write(body)
						return err
					})
				}
			})
		}
	}
}

// headers sends 2,400 headers a second whose bodies never come.
func (f *flood) headers(ctx context.Context, sending *sync.WaitGroup) {
	const each = 12
	sending.Go(func() {
		beat := time.NewTicker(each * time.Second / 2400)
		defer beat.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
			}
			for range each {
				sending.Go(func() { f.attempt(ctx, guess(1000), nil) })
			}
		}
	})
}

// slowly sends headers, large bodies and small bodies, a byte every half second.
func (f *flood) slowly(ctx context.Context, sending *sync.WaitGroup) {
	trickle := func(connection net.Conn) error {
		beat := time.NewTicker(500 * time.Millisecond)
		defer beat.Stop()
		for {
			if _, err := io.WriteString(connection, "a"); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-beat.C:
			}
		}
	}
	for i := range 500 {
		sending.Go(func() {
			for ctx.Err() == nil {
				// Of a body, the receiver holds the first part with the header, and memory only for more.
				text := []string{"POST / HTTP/1.1\r\nHost: x\r\nX-A: ", guess(1<<20) + strings.Repeat(" ", 1000), guess(60_000) + strings.Repeat(" ", 1000)}[i%3]
				f.attempt(ctx, text, trickle)
			}
		})
	}
}

// container returns the only container of the Deployment.
func (m *manifests) container(t *testing.T, deployment string) corev1.Container {
	t.Helper()
	for _, d := range m.deployments {
		if d.Name == deployment && len(d.Spec.Template.Spec.Containers) == 1 {
			return d.Spec.Template.Spec.Containers[0]
		}
	}
	t.Fatalf("no Deployment %s with one container", deployment)
	panic("unreachable")
}

// peakMemory is the most memory that the process has had resident, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(after, " kB\n")
	kibibytes, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		t.Fatalf("VmHWM of the process: %v", err)
	}
	return kibibytes << 10
}

// confine moves the process into a memory cgroup with the limit, as the kubelet does. Where the machine does not allow
// it, the process runs without: the peak is asserted in any case.
func confine(t *testing.T, p *process, limit int64) {
	t.Helper()
	pid := p.Process.Pid
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Logf("not confined: %v", err)
		return
	}
	folder, file := "", ""
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) == 3 && parts[1] == "memory":
			folder, file = filepath.Join("/sys/fs/cgroup/memory", parts[2]), "memory.limit_in_bytes"
		case len(parts) == 3 && parts[0] == "0" && folder == "":
			folder, file = filepath.Join("/sys/fs/cgroup", parts[2]), "memory.max"
		}
	}
	folder = filepath.Join(folder, fmt.Sprintf("tollkeeper-flood-%d", pid))
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Logf("not confined: %v", err)
		return
	}
	t.Cleanup(func() { p.kill(); _ = os.Remove(folder) })
	for _, write := range [][2]string{{file, strconv.FormatInt(limit, 10)}, {"cgroup.procs", strconv.Itoa(pid)}} {
		if err := os.WriteFile(filepath.Join(folder, write[0]), []byte(write[1]), 0o600); err != nil {
			t.Logf("not confined: %v", err)
			return
		}
	}
	t.Logf("confined to %d MiB by %s", limit>>20, folder)
}

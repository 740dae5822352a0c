package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// decoder decodes events as the receiver does.
var decoder = events.Decoder{MetadataPrefix: "tollkeeper_"}

// bench is the control plane, and what all measurements share.
type bench struct {
	plane     *controlplane.ControlPlane
	apiserver process
	address   string       // of the API server
	http      *http.Client // to the API server
	mailgun   *mailguntest.Server
	folder    string
	binary    string // the manager
	runs      int    // numbers namespaces, worlds and managers
	exemplar  *exemplar
	crowded   string // the namespace with the crowd of customers; empty before there is one
}

func newBench(folder string) (*bench, error) {
	binary := filepath.Join(folder, "manager")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd")
	build.Dir = controlplane.Root()
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the manager: %w\n%s", err, output)
	}
	plane, err := controlplane.StartDurable()
	if err != nil {
		return nil, err
	}
	b := &bench{plane: plane, address: strings.TrimSuffix(plane.Config.Host, "/"), mailgun: mailguntest.New(), folder: folder, binary: binary}
	if b.apiserver, err = childNamed("kube-apiserver"); err != nil {
		return nil, errors.Join(err, b.close())
	}
	if b.http, err = rest.HTTPClientFor(plane.Config); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	b.mailgun.Close()
	return b.plane.Stop()
}

// next returns a name that no other part of the run has.
func (b *bench) next(prefix string) string {
	b.runs++
	return fmt.Sprintf("%s%d", prefix, b.runs)
}

func (b *bench) namespace(ctx context.Context, prefix string) (string, error) {
	name := b.next(prefix + "-")
	return name, b.plane.NamedNamespace(ctx, name)
}

// figures are what one round measured, by name. Those whose name has a ÷ hold on other machines too.
type figures map[string]float64

// round measures the raw limit and the four loads.
func (b *bench) round(ctx context.Context, o options) (figures, error) {
	found := figures{}
	if err := b.noteSizes(found); err != nil {
		return nil, err
	}
	raw, err := b.rawLimit(ctx, o.span, found)
	if err != nil {
		return nil, fmt.Errorf("the raw limit: %w", err)
	}
	for _, l := range loads(o) {
		if err := b.load(ctx, l, raw, found); err != nil {
			return nil, fmt.Errorf("the load %s: %w", l.name, err)
		}
	}
	return found, nil
}

// noteSizes notes how many bytes etcd stores for an object of each kind, and what memory the API server holds.
func (b *bench) noteSizes(found figures) error {
	resident, err := b.apiserver.resident()
	if err != nil {
		return err
	}
	found["sizes: API server's memory in MiB"] = resident / (1 << 20)
	events, err := b.exemplar.settledEvents("sizes", "Z", len(b.exemplar.events))
	if err != nil {
		return err
	}
	objects, err := b.exemplar.customers("sizes", []string{"Z00000000"})
	if err != nil {
		return err
	}
	total := 0
	for _, e := range events {
		total += len(e.value)
	}
	found["sizes: a settled BillingEvent in bytes, on average"] = float64(total) / float64(len(events))
	found["sizes: a Customer in bytes"] = float64(len(objects[0].value))
	found["sizes: a Subscription in bytes"] = float64(len(objects[1].value))
	return nil
}

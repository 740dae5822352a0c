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

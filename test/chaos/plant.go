package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// plant is a bug that is planted in the manager. The run must find it.
type plant struct {
	file, old, planted string
	// withoutElection runs the managers without leader election, so that all of them lead.
	withoutElection bool
	// flags are further flags of the managers.
	flags []string
	// count returns the count that must be above zero. countName is its name.
	count     func(f *findings) int
	countName string
}

// checkFound returns nil if the run came to rest and its findings show the planted bug.
func (p plant) checkFound(f *findings) error {
	if err := f.incompleteError(); err != nil {
		return err
	}
	if p.count(f) == 0 {
		return fmt.Errorf("the planted fault was not found: want %s > 0; all problems:\n%w",
			p.countName, cmp.Or(f.err(), errors.New("none")))
	}
	fmt.Printf("found the planted fault: %s=%d\n", p.countName, p.count(f))
	return nil
}

var plants = map[string]plant{
	"ack-before-create": {
		file:    "internal/receiver/handler.go",
		old:     "	recorded, err := h.write(ctx, e)\n",
		planted: "	recorded, err := true, error(nil)\n	go func() { _, _ = h.write(context.WithoutCancel(ctx), e) }()\n",
		// With the events that name its customer lost, an event of a payment waits for them: not for an hour.
		flags: []string{"--link-timeout=1m"},
		count: func(f *findings) int { return f.lost }, countName: "lost",
	},
	"second-writer": {
		file:            "internal/controller/email/reconcile.go",
		old:             "	if err := r.claim(ctx, email, message.ID, recipient); err != nil {\n		return mail.Message{}, &notClaimedError{err}\n	}\n",
		planted:         "	_ = r.claim(ctx, email, message.ID, recipient)\n",
		withoutElection: true,
		count:           func(f *findings) int { return f.doubled }, countName: "doubled",
	},
}

// build builds the manager, with the planted fault if one is named.
func build(ctx context.Context, folder, name string) (binary string, err error) {
	binary = filepath.Join(folder, "manager-"+name)
	arguments := []string{"build", "-o", binary}
	if name != "" {
		overlay, err := plants[name].overlay(folder)
		if err != nil {
			return "", err
		}
		arguments = append(arguments, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(arguments, "./cmd")...)
	cmd.Dir = controlplane.Root()
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the manager: %w\n%s", err, output)
	}
	return binary, nil
}

// overlay writes the file for `go build -overlay`, which replaces the source file by one with the planted fault.
func (p plant) overlay(folder string) (string, error) {
	original := filepath.Join(controlplane.Root(), filepath.FromSlash(p.file))
	code, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	if strings.Count(string(code), p.old) != 1 {
		return "", fmt.Errorf("cannot plant the fault: %s has changed; adapt plants in test/chaos/plant.go", p.file)
	}
	planted, overlay := filepath.Join(folder, "planted.go"), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: planted}})
	return overlay, errors.Join(err, os.WriteFile(planted, []byte(strings.Replace(string(code), p.old, p.planted, 1)), 0o600),
		os.WriteFile(overlay, text, 0o600))
}

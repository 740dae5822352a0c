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

// plant is a fault in the manager itself, which the run must find.
type plant struct {
	file, old, planted string
	// everybodyLeads runs the managers without leader election.
	everybodyLeads bool
	// found is the count of the verdict that must show it, and its name.
	found     func(v *verdict) int
	foundName string
}

// finding is nil if the run came to an end that can be judged, and the fault shows in it as it must.
func (p plant) finding(v *verdict) error {
	if err := v.unjudged(); err != nil {
		return err
	}
	if p.found(v) == 0 {
		return fmt.Errorf("the planted fault was not found: want %s > 0; what is wrong:\n%w",
			p.foundName, cmp.Or(v.err(), errors.New("nothing")))
	}
	fmt.Printf("found what is planted: %s=%d\n", p.foundName, p.found(v))
	return nil
}

var plants = map[string]plant{
	"ack-before-create": {
		file:    "internal/receiver/handler.go",
		old:     "	recorded, err := h.write(ctx, e)\n",
		planted: "	recorded, err := true, error(nil)\n	go func() { _, _ = h.write(context.WithoutCancel(ctx), e) }()\n",
		found:   func(v *verdict) int { return v.lost }, foundName: "lost",
	},
	"second-writer": {
		file:           "internal/controller/email_controller.go",
		old:            "	if err := r.claim(ctx, email, message.ID); err != nil {\n		return retry(err)\n	}\n",
		planted:        "	_ = r.claim(ctx, email, message.ID)\n",
		everybodyLeads: true,
		found:          func(v *verdict) int { return v.doubled }, foundName: "doubled",
	},
}

// build builds the manager, with the fault if one is named.
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

// overlay writes what `go build -overlay` reads: the file with the fault in the place of the file.
func (p plant) overlay(folder string) (string, error) {
	original := filepath.Join(controlplane.Root(), filepath.FromSlash(p.file))
	code, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	if strings.Count(string(code), p.old) != 1 {
		return "", fmt.Errorf("the fault cannot be planted: %s has changed", p.file)
	}
	planted, overlay := filepath.Join(folder, "planted.go"), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: planted}})
	return overlay, errors.Join(err, os.WriteFile(planted, []byte(strings.Replace(string(code), p.old, p.planted, 1)), 0o600),
		os.WriteFile(overlay, text, 0o600))
}

package main

import (
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
}

var plants = map[string]plant{
	"ack-before-create": {
		file:    "internal/receiver/handler.go",
		old:     "	recorded, err := h.write(ctx, e)\n",
		planted: "	recorded, err := true, error(nil)\n	go func() { _, _ = h.write(context.WithoutCancel(ctx), e) }()\n",
	},
	"second-writer": {
		file:           "internal/controller/email_controller.go",
		old:            "	if err := r.claim(ctx, email, message.ID); err != nil {\n		return retry(err)\n	}\n",
		planted:        "	_ = r.claim(ctx, email, message.ID)\n",
		everybodyLeads: true,
	},
}

// build builds the manager, with the fault if one is named.
func build(folder, name string) (binary string, err error) {
	binary = filepath.Join(folder, "manager-"+name)
	arguments := []string{"build", "-o", binary}
	if name != "" {
		overlay, err := plants[name].overlay(folder)
		if err != nil {
			return "", err
		}
		arguments = append(arguments, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(arguments, "./cmd")...)
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

package archive

import (
	"context"
	"fmt"
)

// readEvents reads a file of events and checks its hash and its count.
func (a *Archive) readEvents(ctx context.Context, batch int64, f file) ([]eventLine, error) {
	content, err := a.store.read(ctx, f.Path)
	if err != nil {
		return nil, fmt.Errorf("batch %d: %w", batch, err)
	}
	if sum := sha256Of(content); sum != f.SHA256 {
		return nil, problem(batch, f.Path, "was altered: its SHA-256 is %s, and was %s", sum, f.SHA256)
	}
	lines, err := decompress[eventLine](content)
	if err != nil {
		return nil, problem(batch, f.Path, "cannot be read: %v", err)
	}
	if int64(len(lines)) != f.Events {
		return nil, problem(batch, f.Path, "has %d events, and the manifest says %d", len(lines), f.Events)
	}
	return lines, nil
}

// readPersonal reads the personal data of a file of events, by its hash. A line whose data does not have its hash is of no use:
// no event asks for it.
func (a *Archive) readPersonal(ctx context.Context, batch int64, eventsPath string) (map[string]personalLine, error) {
	path := personalPath(eventsPath)
	content, err := a.store.read(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("batch %d: %w", batch, err)
	}
	lines, err := decompress[personalLine](content)
	if err != nil {
		return nil, problem(batch, path, "cannot be read: %v", err)
	}
	found := make(map[string]personalLine, len(lines))
	for _, line := range lines {
		found[line.sum()] = line
	}
	return found, nil
}

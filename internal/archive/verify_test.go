package archive

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// filled is an archive of three batches, the last of which is an erasure, and a store to alter it.
func filled(t *testing.T) (*Archive, store) {
	t.Helper()
	s := inMemory()
	a := newArchive(s)
	head := appended(t, a, Head{}, some(0)...)
	head = appended(t, a, head, some(10)...)
	if _, err := a.Erase(t.Context(), head, "", "cus_Bob"); err != nil {
		t.Fatal(err)
	}
	if found := problems(t, a); found != nil {
		t.Fatal(found)
	}
	return a, s
}

// names reports whether a problem names the file and its batch.
func names(found []Problem, path string) bool {
	batch, ok := batchOf(path)
	if !ok {
		batch, _ = batchOfManifest(path)
	}
	return slices.ContainsFunc(found, func(p Problem) bool { return p.Path == path && p.Batch == batch })
}

// pathsOf are the paths in the store that begin with a prefix, in order.
func pathsOf(t *testing.T, s store, prefix string) []string {
	t.Helper()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(stored(t, s))), func(path string) bool { return !strings.HasPrefix(path, prefix) })
}

func write(t *testing.T, s store, path string, content []byte) {
	t.Helper()
	if err := s.write(t.Context(), path, content); err != nil {
		t.Fatal(err)
	}
}

// One altered bit, in any byte of any file, is found, and the file and its batch are named. The end of the chain is in the
// cluster: of the latest manifest Verify can say less.
func TestVerifyFindsAlteredBytes(t *testing.T) {
	a, s := filled(t)
	before, err := a.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range stored(t, s) {
		for at := 0; at < len(content); at += 1 + len(content)/64 {
			altered := slices.Clone(content)
			altered[at] ^= 1
			write(t, s, path, altered)
			report, err := a.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			isEnd := path == manifestPath(before.Head.Batch)
			isSame := strings.HasPrefix(path, personalFolder) && sameLines(t, content, altered)
			switch {
			case isEnd && report.Head == before.Head:
				t.Errorf("byte %d of %s: the head is the same", at, path)
			case !isEnd && !isSame && len(report.Problems) == 0:
				t.Errorf("byte %d of %s is not found", at, path)
			case !isEnd && !isSame && !strings.HasPrefix(path, batchesFolder) && !names(report.Problems, path):
				t.Errorf("byte %d of %s: %v", at, path, report.Problems)
			}
		}
		write(t, s, path, content)
	}
}

// sameLines reports whether a byte of a file's form is altered that its lines do not depend on.
func sameLines(t *testing.T, a, b []byte) bool {
	t.Helper()
	first, err := decompress[personalLine](a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := decompress[personalLine](b)
	return err == nil && slices.EqualFunc(first, second, func(a, b personalLine) bool { return a.sum() == b.sum() && a.EventID == b.EventID })
}

func TestVerifyFinds(t *testing.T) {
	content := func(t *testing.T, s store, path string) []byte {
		t.Helper()
		content, err := s.read(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	for name, tc := range map[string]struct {
		alter func(t *testing.T, s store) (path string) // the file that a problem must name
		want  string
	}{
		"truncated file": {func(t *testing.T, s store) string {
			path := pathsOf(t, s, eventsFolder)[1]
			all := content(t, s, path)
			write(t, s, path, all[:len(all)/2])
			return path
		}, "was altered"},
		"empty file": {func(t *testing.T, s store) string {
			path := pathsOf(t, s, eventsFolder)[1]
			write(t, s, path, nil)
			return path
		}, "was altered"},
		"missing file": {func(t *testing.T, s store) string {
			path := pathsOf(t, s, eventsFolder)[2]
			_ = s.remove(t.Context(), path)
			return path
		}, "is missing"},
		"extra file": {func(t *testing.T, s store) string {
			path := strings.Replace(pathsOf(t, s, eventsFolder)[0], "-", "-0", 1)
			path = pathsOf(t, s, eventsFolder)[0][:len(path)-len("0123456789abcdef.jsonl.zst")-1] + "0123456789abcdef.jsonl.zst"
			write(t, s, path, []byte("x"))
			return path
		}, "is in no manifest"},
		"file of a batch after the end": {func(t *testing.T, s store) string {
			path := eventsFolder + "account=platform/mode=live/day=2026-11-28/000000000009-0123456789abcdef.jsonl.zst"
			write(t, s, path, []byte("x"))
			return path
		}, "the end of the chain is missing"},
		"foreign file": {func(t *testing.T, s store) string {
			write(t, s, "notes.txt", []byte("x"))
			return "notes.txt"
		}, "is no file of the archive"},
		"swapped files": {func(t *testing.T, s store) string {
			paths := pathsOf(t, s, eventsFolder)
			first, second := content(t, s, paths[0]), content(t, s, paths[1])
			write(t, s, paths[0], second)
			write(t, s, paths[1], first)
			return paths[1]
		}, "was altered"},
		"swapped personal files": {func(t *testing.T, s store) string {
			paths := pathsOf(t, s, personalFolder)
			first, second := content(t, s, paths[0]), content(t, s, paths[1])
			write(t, s, paths[0], second)
			write(t, s, paths[1], first)
			return paths[0]
		}, "no event asks for"},
		"missing personal file": {func(t *testing.T, s store) string {
			path := pathsOf(t, s, personalFolder)[0]
			_ = s.remove(t.Context(), path)
			return path
		}, "no erasure is on record"},
		"personal data of another customer": {func(t *testing.T, s store) string {
			path := pathsOf(t, s, personalFolder)[0]
			lines, err := decompress[personalLine](content(t, s, path))
			if err != nil {
				t.Fatal(err)
			}
			lines[0].CustomerID = "cus_Mallory"
			altered, _ := compress(lines)
			write(t, s, path, altered)
			return path
		}, "another's"},
		"personal data that was erased": {func(t *testing.T, s store) string {
			before := newArchive(inMemory())
			before.salts = rand.NewChaCha8([32]byte{})
			appended(t, before, Head{}, some(0)...)
			// The same salts make the same files.
			for path, content := range stored(t, before.store) {
				write(t, s, path, content)
			}
			return pathsOf(t, before.store, personalFolder)[3]
		}, "repeat the erasure"},
		"manifest removed": {func(t *testing.T, s store) string {
			_ = s.remove(t.Context(), manifestPath(1))
			return manifestPath(1)
		}, "is missing"},
		"latest manifest removed, with files": {func(t *testing.T, s store) string {
			path := pathsOf(t, s, eventsFolder)
			_ = s.remove(t.Context(), manifestPath(3))
			_ = s.remove(t.Context(), manifestPath(2))
			return path[len(path)-1]
		}, "the end of the chain is missing"},
		"swapped manifests": {func(t *testing.T, s store) string {
			first, second := content(t, s, manifestPath(1)), content(t, s, manifestPath(2))
			write(t, s, manifestPath(1), second)
			write(t, s, manifestPath(2), first)
			return manifestPath(1)
		}, "says that it is batch 2"},
		"manifest of a newer version": {func(t *testing.T, s store) string {
			write(t, s, manifestPath(2), []byte(strings.Replace(string(content(t, s, manifestPath(2))), `"version": 1`, `"version": 2`, 1)))
			return manifestPath(2)
		}, "has version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var a *Archive
			var s store
			if name == "personal data that was erased" {
				s = inMemory()
				a = newArchive(s)
				a.salts = rand.NewChaCha8([32]byte{})
				head := appended(t, a, Head{}, some(0)...)
				if _, err := a.Erase(t.Context(), head, "", "cus_Bob"); err != nil {
					t.Fatal(err)
				}
			} else {
				a, s = filled(t)
			}
			path := tc.alter(t, s)
			found := problems(t, a)
			if !names(found, path) || !slices.ContainsFunc(found, func(p Problem) bool { return p.Path == path && strings.Contains(p.What, tc.want) }) {
				t.Errorf("%s: %v", path, found)
			}
		})
	}
}

// A writer does not go on after an end that is missing or another's, and a reader does not read on.
func TestHeadOfAnotherArchive(t *testing.T) {
	a, s := filled(t)
	report, err := a.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, head := range map[string]Head{
		"another manifest": {Batch: 3, SHA256: strings.Repeat("0", 64), Events: 12},
		"a missing batch":  {Batch: 7, SHA256: report.Head.SHA256, Events: 12},
	} {
		if _, err := a.Append(t.Context(), head, some(20)); err == nil || !strings.Contains(err.Error(), "manifest") && !strings.Contains(err.Error(), "batches/") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := a.Next(t.Context(), Head{Batch: 1, SHA256: strings.Repeat("0", 64), Events: 6}); err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("next: error %v", err)
	}
	path := pathsOf(t, s, eventsFolder)[0]
	write(t, s, path, []byte("altered"))
	if _, err := a.Next(t.Context(), Head{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("next with an altered file: error %v", err)
	}
	failures, events := 0, 0
	for _, err := range a.Events(t.Context(), Filter{}) {
		if err != nil {
			failures++
		} else {
			events++
		}
	}
	if failures != 1 || events != 10 && events != 11 {
		t.Errorf("with an altered file: %d events and %d failures", events, failures)
	}
}

// What the operator writes while the archive is verified is no problem.
func TestVerifyWhileTheOperatorWrites(t *testing.T) {
	for name, write := range map[string]func(*Archive, Head) (Head, error){
		"a batch": func(a *Archive, head Head) (Head, error) { return a.Append(t.Context(), head, some(20)) },
		"an erasure": func(a *Archive, head Head) (Head, error) {
			return a.Erase(t.Context(), head, "", "cus_Bob")
		},
		"an erasure and a batch": func(a *Archive, head Head) (Head, error) {
			head, err := a.Erase(t.Context(), head, "", "cus_Bob")
			if err != nil {
				return head, err
			}
			return a.Append(t.Context(), head, some(20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := inMemory()
			a := newArchive(s)
			head := appended(t, a, Head{}, some(0)...)
			head = appended(t, a, head, some(10)...)
			isWritten := false
			f := &interfering{store: s, then: func() {
				if _, err := write(a, head); err != nil {
					t.Error(err)
				}
				isWritten = true
			}}
			report, err := newArchive(f).Verify(t.Context())
			if err != nil || !isWritten || report.Head != head || report.Problems != nil {
				t.Errorf("report %+v, error %v, written: %t", report, err, isWritten)
			}
		})
	}
}

package v1alpha1

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
)

func TestObjectName(t *testing.T) {
	// The hashes are those of `printf %s ID | sha256sum`.
	for name, tc := range map[string]struct{ account, id, want string }{
		"event":             {"", "evt_1Ab", "evt-1ab-f284e753"},
		"differs in case":   {"", "evt_1aB", "evt-1ab-acff0208"},
		"connected account": {"acct_1", "evt_1Ab", "evt-1ab-3d83ecb2"},
		"a path":            {"", "../../etc/passwd", "etc-passwd-3754d6cb"},
		"nothing usable":    {"", "___", "bda25155"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ObjectName(tc.account, tc.id)); diff != "" {
				t.Errorf("ObjectName(%q, %q) (-want +got):\n%s", tc.account, tc.id, diff)
			}
		})
	}
}

func TestObjectNameIsAlwaysValid(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]string{}
	for range 20_000 {
		id := make([]byte, 1+random.IntN(300))
		for i := range id {
			id[i] = byte(random.IntN(256))
		}
		name := ObjectName("", string(id))
		if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
			t.Fatalf("ObjectName(%q) = %q: %v", id, name, problems)
		}
		if other, ok := seen[name]; ok && other != string(id) {
			t.Fatalf("%q and %q share the name %q", other, id, name)
		}
		seen[name] = string(id)
	}
}

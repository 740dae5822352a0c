package archivehead

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/internal/archivenote"
)

const namespace = "tollkeeper-system"

var may = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

func compare(t *testing.T, got, want State) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(State{})); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestOfTwoLeadersOneMovesTheHead(t *testing.T) {
	cluster := fake.NewClientBuilder().Build()
	store := Store{Reader: cluster, Writer: cluster, Namespace: namespace}
	load := func() State {
		t.Helper()
		s, err := store.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, second := load(), load()
	compare(t, first, State{})
	one := State{Head: Head{Batch: 1, SHA256: "aa", Events: 3}, Bytes: 900, GoneBefore: may, Archive: "s3://trail"}
	moved, err := store.Swap(t.Context(), first, one)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, moved, one)
	compare(t, load(), one)
	if _, err := store.Swap(t.Context(), second, one); !errors.Is(err, ErrMoved) {
		t.Errorf("the second leader creates the head: %v", err)
	}
	two := State{Head: Head{Batch: 2, SHA256: "bb", Events: 5}, Bytes: 1500, GoneBefore: may.Add(-time.Hour), Archive: "s3://trail"}
	if _, err := store.Swap(t.Context(), moved, two); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Swap(t.Context(), moved, two); !errors.Is(err, ErrMoved) {
		t.Errorf("the second leader moves the head: %v", err)
	}
	two.GoneBefore = may // what may be gone stays so
	last := load()
	compare(t, last, two)
	if err := cluster.Delete(t.Context(), last.stored); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Swap(t.Context(), last, one); !errors.Is(err, ErrMoved) {
		t.Errorf("the head moves although it was deleted: %v", err)
	}
}

func TestOtherKeysStay(t *testing.T) {
	cluster := fake.NewClientBuilder().WithObjects(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: archivenote.ConfigMap, Labels: map[string]string{"team": "billing"}},
		Data:       map[string]string{"note": "moved in May"},
	}).Build()
	store := Store{Reader: cluster, Writer: cluster, Namespace: namespace}
	loaded, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moved, err := store.Swap(t.Context(), loaded, State{Head: Head{Batch: 1, SHA256: "aa"}})
	if err != nil {
		t.Fatal(err)
	}
	if moved.stored.Data["note"] == "" || moved.stored.Labels["team"] == "" {
		t.Errorf("lost: %v, %v", moved.stored.Data, moved.stored.Labels)
	}
}

func TestADamagedHeadIsNotAnEmptyOne(t *testing.T) {
	for name, data := range map[string]map[string]string{
		"a word for the batch": {"batch": "two", "sha256": "aa"},
		"a negative batch":     {"batch": "-1", "sha256": "aa"},
		"no hash":              {"batch": "2"},
		"no batch":             {"sha256": "aa"},
		"a word for the count": {"batch": "2", "sha256": "aa", "events": "some"},
		"a date for the time":  {"goneBefore": "2026-05-01"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fake.NewClientBuilder().WithObjects(&corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: archivenote.ConfigMap}, Data: data,
			}).Build()
			if _, err := (Store{Reader: cluster, Writer: cluster, Namespace: namespace}).Load(t.Context()); !errors.Is(err, ErrUnreadable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

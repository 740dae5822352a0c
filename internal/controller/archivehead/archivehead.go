// Package archivehead keeps the head of the archive in the cluster: the end of its chain of batches, and from when on all
// events are still there.
//
// The head is in a ConfigMap. Every change names the version that it was made from, so of two leaders that both have written
// a batch only one moves the head: the other must load it again, and adopt what the archive has by then.
package archivehead

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
)

// ErrMoved says that another process has changed the head since it was loaded. Load it again.
var ErrMoved = errors.New("another process has moved the head of the archive")

// ErrUnreadable says that the ConfigMap does not hold a head. Only a person can have written it so.
var ErrUnreadable = errors.New("the ConfigMap " + archivenote.ConfigMap + " does not hold the head of the archive: delete it, and " +
	"the archive is read from its first batch")

// Head is the end of the archive's chain. The zero Head is that of an empty archive.
type Head = archive.Head

// State is what the ConfigMap holds. Its zero value is none: only what Load and Swap return may be swapped.
type State struct {
	Head Head
	// Bytes is how large the batches are together.
	Bytes int64
	// GoneBefore bounds what is deleted: an event whose spec.created is before it may be gone from the cluster. Zero while no event
	// may be. It never goes back.
	GoneBefore time.Time
	// Archive names the archive that the head is of: its URL, of whose parameters only the prefix. Empty if events are not archived.
	Archive string
	// Problem says why nothing is archived and deleted now; empty if nothing is wrong.
	Problem string

	stored *corev1.ConfigMap
}

// IsNoted reports whether the state was read from a ConfigMap. Else there is none.
func (s State) IsNoted() bool { return s.stored != nil && s.stored.ResourceVersion != "" }

// Store reads and writes the ConfigMap.
type Store struct {
	// Reader reads from the API server: a cached head may be an old one.
	Reader    client.Reader
	Writer    client.Writer
	Namespace string
}

// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=create
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,resourceNames=tollkeeper-archive,verbs=get;update

// Load reads the state. Without a ConfigMap it is that of an empty archive. It returns ErrUnreadable if the ConfigMap holds
// something else.
func (s Store) Load(ctx context.Context) (State, error) {
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: archivenote.ConfigMap}}
	if err := s.Reader.Get(ctx, client.ObjectKeyFromObject(stored), stored); err != nil {
		if !apierrors.IsNotFound(err) {
			return State{}, fmt.Errorf("get ConfigMap %s: %w", archivenote.ConfigMap, err)
		}
		stored = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: archivenote.ConfigMap}}
	}
	return read(stored)
}

// Swap replaces the loaded state with the next one. It returns ErrMoved, and changes nothing, if the ConfigMap has changed since
// old was loaded. What else the ConfigMap holds stays.
//
// After any other error the change may have been made: load the state again.
func (s Store) Swap(ctx context.Context, old, next State) (State, error) {
	if old.stored == nil {
		return State{}, errors.New("the state to replace was not loaded")
	}
	if next.GoneBefore.Before(old.GoneBefore) {
		next.GoneBefore = old.GoneBefore
	}
	stored := old.stored.DeepCopy()
	if stored.Data == nil {
		stored.Data = map[string]string{}
	}
	maps.Copy(stored.Data, next.data())
	var err error
	if stored.ResourceVersion == "" {
		err = s.Writer.Create(ctx, stored, client.DisableReadYourWritesConsistency)
	} else {
		err = s.Writer.Update(ctx, stored, client.DisableReadYourWritesConsistency)
	}
	switch {
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || stored.ResourceVersion != "" && apierrors.IsNotFound(err):
		return State{}, ErrMoved
	case err != nil:
		return State{}, fmt.Errorf("write ConfigMap %s: %w", archivenote.ConfigMap, err)
	}
	return read(stored)
}

func (s State) data() map[string]string {
	goneBefore := ""
	if !s.GoneBefore.IsZero() {
		goneBefore = s.GoneBefore.UTC().Format(time.RFC3339)
	}
	return map[string]string{
		archivenote.Batch:      strconv.FormatInt(s.Head.Batch, 10),
		archivenote.SHA256:     s.Head.SHA256,
		archivenote.Events:     strconv.FormatInt(s.Head.Events, 10),
		archivenote.Bytes:      strconv.FormatInt(s.Bytes, 10),
		archivenote.GoneBefore: goneBefore,
		archivenote.Archive:    s.Archive,
		archivenote.Problem:    s.Problem,
	}
}

func read(stored *corev1.ConfigMap) (State, error) {
	s := State{
		Head:    Head{SHA256: stored.Data[archivenote.SHA256]},
		Archive: stored.Data[archivenote.Archive],
		Problem: stored.Data[archivenote.Problem],
		stored:  stored,
	}
	for key, number := range map[string]*int64{
		archivenote.Batch: &s.Head.Batch, archivenote.Events: &s.Head.Events, archivenote.Bytes: &s.Bytes,
	} {
		value := stored.Data[key]
		if value == "" {
			continue
		}
		var err error
		if *number, err = strconv.ParseInt(value, 10, 64); err != nil || *number < 0 {
			return State{}, fmt.Errorf("%w (key %s)", ErrUnreadable, key)
		}
	}
	if (s.Head.Batch == 0) != (s.Head.SHA256 == "") {
		return State{}, fmt.Errorf("%w (key %s)", ErrUnreadable, archivenote.SHA256)
	}
	if value := stored.Data[archivenote.GoneBefore]; value != "" {
		var err error
		if s.GoneBefore, err = time.Parse(time.RFC3339, value); err != nil {
			return State{}, fmt.Errorf("%w (key %s)", ErrUnreadable, archivenote.GoneBefore)
		}
	}
	return s, nil
}

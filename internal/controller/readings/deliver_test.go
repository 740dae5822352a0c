package readings

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/types"
)

// A Batch that waits is not replaced: the next one is put in once it was taken out.
func TestPutWhenEmptyReplacesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, customer := NewMailbox(), types.NamespacedName{Namespace: "ns", Name: "cus-a"}
		first, second := &Batch{CustomerID: "first"}, &Batch{CustomerID: "second"}
		m.PutIfEmpty(t.Context(), customer, first)
		ended := make(chan error, 1)
		go func() { ended <- m.PutWhenEmpty(t.Context(), customer, second) }()
		synctest.Wait()
		if got := m.Peek(customer); got != first {
			t.Fatalf("the mailbox holds %v, want the first Batch", got)
		}
		m.Remove(customer, first)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if got := m.Peek(customer); got != second || len(m.Wake()) != 2 {
			t.Errorf("the mailbox holds %v and has woken the controller %d times, want the second Batch and 2", got, len(m.Wake()))
		}
	})
}

// A Batch that comes while another one waits is not put in, and wakes no controller.
func TestPutIfEmpty(t *testing.T) {
	m, customer := NewMailbox(), types.NamespacedName{Namespace: "ns", Name: "cus-a"}
	first, second := &Batch{CustomerID: "first"}, &Batch{CustomerID: "second"}
	if !m.PutIfEmpty(t.Context(), customer, first) || m.PutIfEmpty(t.Context(), customer, second) || m.Peek(customer) != first || len(m.Wake()) != 1 {
		t.Errorf("the mailbox holds %v and has woken the controller %d times, want the first Batch and 1", m.Peek(customer), len(m.Wake()))
	}
}

// It ends with its context, and puts nothing in.
func TestPutWhenEmptyEndsWithItsContext(t *testing.T) {
	m, customer := NewMailbox(), types.NamespacedName{Namespace: "ns", Name: "cus-a"}
	first := &Batch{}
	m.PutIfEmpty(t.Context(), customer, first)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.PutWhenEmpty(ctx, customer, &Batch{}); !errors.Is(err, context.Canceled) || m.Peek(customer) != first {
		t.Errorf("error is %v, and the mailbox holds %v; want the context's error, and the first Batch", err, m.Peek(customer))
	}
}

package archive

import (
	"errors"
	"io"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func event(id string, created time.Time) v1alpha1.BillingEvent {
	e := v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{Name: id, UID: "u", ResourceVersion: "7"}}
	e.Spec = v1alpha1.BillingEventSpec{EventID: id, Type: "customer.updated", Created: metav1.NewTime(created), CustomerID: "cus_Ada", PayloadSHA256: "00",
		Customer: &v1alpha1.CustomerRecord{Email: "ada@kite.example", Name: "Ada <Lovelace>", Metadata: map[string]v1alpha1.Value{"a": "b"}}}
	return e
}

func TestAppendNext(t *testing.T) {
	a, err := Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	head, err := a.Append(t.Context(), Head{}, []v1alpha1.BillingEvent{event("evt_1", time.Unix(1e9, 0))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(t.Context(), Head{}, []v1alpha1.BillingEvent{event("evt_1", time.Unix(1e9, 0))}); !errors.Is(err, ErrBehind) {
		t.Fatal(err)
	}
	batch, err := a.Next(t.Context(), Head{})
	if err != nil || batch.Head != head {
		t.Fatal(batch, err)
	}
	if _, err := a.Next(t.Context(), head); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

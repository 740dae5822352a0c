package request

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// erasing is a customer with a request for erasure, which is answered or not.
func erasing(request string, isErased bool) *v1alpha1.Customer {
	c := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}}
	c.Annotations = map[string]string{v1alpha1.AnnotationErase: request}
	if isErased {
		at := metav1.NewTime(time.Date(2026, 11, 29, 2, 0, 0, 0, time.UTC))
		c.Status.Erasure = &v1alpha1.Erasure{Request: v1alpha1.ErasureRequest(c), CompletedAt: &at}
		c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionErased, Status: metav1.ConditionTrue}}
	}
	return c
}

// The user, time and reason of the first request for an erasure stay, until an answered request left, or something brought, personal data.
func TestTheFirstRequestForErasureStays(t *testing.T) {
	const dora = "system:serviceaccount:privacy:dora: 2026-11-29T01:20:00Z Ticket 4711"
	const said = "The erasure of cus_Ada was already requested by "
	overtaken := erasing(dora, true)
	overtaken.Annotations[v1alpha1.AnnotationErase] = "dora: soon"
	archived := erasing(dora, true)
	archived.Status.Erasure.Archive = true
	for name, tc := range map[string]struct {
		customer    *v1alpha1.Customer
		hasPersonal bool
		want        string // what is said of a request that stands
	}{
		"never requested":           {erasing("", false), true, ""},
		"under way":                 {erasing(dora, false), true, said + "system:serviceaccount:privacy:dora on 29 November 2026 at 01:20 UTC (Ticket 4711), and is under way. That request stays."},
		"done":                      {erasing(dora, true), false, said + "system:serviceaccount:privacy:dora on 29 November 2026 at 01:20 UTC (Ticket 4711), and is complete: nothing personal is left in the cluster, and there is no archive."},
		"done in both":              {archived, false, said + "system:serviceaccount:privacy:dora on 29 November 2026 at 01:20 UTC (Ticket 4711), and is complete: nothing personal is left in the cluster and in the archive."},
		"done, and data came":       {erasing(dora, true), true, ""},
		"another one was requested": {overtaken, true, said + "dora (soon), and is under way. That request stays."},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if IsErasureStanding(tc.customer, tc.hasPersonal) {
				got = DescribeErasure(tc.customer)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsErasedWithoutArchive(t *testing.T) {
	archived := erasing("dora: now", true)
	archived.Status.Erasure.Archive = true
	again := erasing("dora: now", true)
	again.Annotations[v1alpha1.AnnotationErase] = "dora: again"
	for name, tc := range map[string]struct {
		customer *v1alpha1.Customer
		want     bool
	}{
		"never requested": {erasing("", false), false},
		"under way":       {erasing("dora: now", false), false},
		"requested again": {again, false},
		"erased":          {erasing("dora: now", true), true},
		"erased in both":  {archived, false},
	} {
		if got := IsErasedWithoutArchive(tc.customer); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

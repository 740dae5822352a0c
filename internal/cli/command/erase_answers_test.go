package command

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
)

func ada(version string, conditions ...metav1.Condition) *v1alpha1.Customer {
	return &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: "cus-ada-1", ResourceVersion: version, UID: "uid-new"},
		Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}, Status: v1alpha1.CustomerStatus{Conditions: conditions},
	}
}

func TestARefusedErasureSaysWhatToDo(t *testing.T) {
	customers := schema.GroupResource{Group: "billing.tollkeeper.dev", Resource: "customers"}
	const what, restore = "request the erasure of cus_Ada: ", "  kubectl tollkeeper archive restore"
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"nothing is known": {nothingKnown(ada(""), restore), "nothing is known of cus_Ada in the namespace billing: it has no Customer, no Subscription and no event there, " +
			"and nothing was changed. Check that the id is complete, its upper and lower case; name its connected account with --account, if it has one. " +
			"If only the archive has its events, bring them back first, and erase then:\n" + restore},
		"made meanwhile": {notRequested(apierrors.NewAlreadyExists(customers, "cus-ada-1"), ada("")), what + "customer/cus-ada-1 was made meanwhile: run the command again"},
		"deleted meanwhile": {notRequested(apierrors.NewNotFound(customers, "cus-ada-1"), ada("7")), what +
			"customer/cus-ada-1 was deleted meanwhile: run the command again with the id, cus_Ada"},
		"no namespace": {notRequested(apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "billing"), ada("")), what +
			"the namespace billing does not exist: name Tollkeeper's with --namespace"},
		"no right": {notRequested(fmt.Errorf("create: %w", apierrors.NewForbidden(customers, "cus-ada-1", errors.New("no"))), ada("")), what +
			`create: customers.billing.tollkeeper.dev "cus-ada-1" is forbidden: no. Ask an administrator for the ClusterRole tollkeeper-eraser-role`},
		"a Subscription is left": {notErased(ada("7"), []string{"sub-a-1", "sub-b-1"}, time.Minute, restore), "the erasure is not complete within 1m0s. The former Customer's " +
			"Subscription sub-a-1, sub-b-1 is still there, and the operator waits until it is gone. Kubernetes deletes it by itself; if it does not, delete it:\n" +
			"  kubectl -n billing delete subscriptions.billing.tollkeeper.dev sub-a-1 sub-b-1"},
		"no operator": {notErased(ada("7"), nil, time.Minute, restore), "the erasure is not complete within 1m0s. The operator has not begun. Is it running? See kubectl tollkeeper doctor"},
		"no deletion": {notErased(ada("7", metav1.Condition{Type: v1alpha1.ConditionErased, Reason: v1alpha1.ReasonNotDeletedAtStripe, Message: "It is not deleted."}), nil, time.Minute, restore),
			"the erasure is not complete within 1m0s. It is not deleted. If it is deleted there, the operator has not read that: without a Stripe key, it needs the event. " +
				"If the archive has it:\n" + restore},
		"it goes on": {notErased(ada("7", metav1.Condition{Type: v1alpha1.ConditionErased, Reason: v1alpha1.ReasonErasing, Message: "It is being erased."}), nil, time.Minute, restore),
			"the erasure is not complete within 1m0s. It is being erased. It goes on: see the condition Erased of customer/cus-ada-1, and kubectl tollkeeper doctor"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The printed command names the archive, unless the environment does.
func TestTheCommandThatRestores(t *testing.T) {
	noted := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: archivenote.ConfigMap}, Data: map[string]string{archivenote.Archive: "s3://trail?prefix=a/"},
	}
	const parameters = "\nThe URL is that of the operator's --archive-url, with its parameters."
	for name, tc := range map[string]struct {
		environment string
		stored      []client.Object
		want        string
	}{
		"the environment names it": {environment: "s3://trail", stored: []client.Object{noted}, want: "  kubectl tollkeeper archive restore --customer=cus_Ada --apply"},
		"the operator has noted it": {
			stored: []client.Object{noted},
			want:   "  kubectl tollkeeper archive restore --archive-url='s3://trail?prefix=a/' --customer=cus_Ada --apply" + parameters,
		},
		"it is not known": {want: "  kubectl tollkeeper archive restore --archive-url='URL' --customer=cus_Ada --apply" + parameters},
	} {
		p := &plugin{Environment: Environment{Getenv: func(name string) string {
			return map[string]string{archiveURL: tc.environment}[name]
		}}}
		c := fake.NewClientBuilder().WithScheme(scheme()).WithObjects(tc.stored...).Build()
		if diff := cmp.Diff(tc.want, p.restoring(t.Context(), c, ada(""))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Left behind are the Subscriptions of a Customer with another UID; not those without an owner, or of the Customer.
func TestLeftBehind(t *testing.T) {
	of := func(name, customer, owner string) *v1alpha1.Subscription {
		s := &v1alpha1.Subscription{ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: name, Labels: map[string]string{v1alpha1.LabelCustomerID: "cus_Ada"}}}
		s.Spec.CustomerRef.Name = customer
		if owner != "" {
			s.OwnerReferences = []metav1.OwnerReference{{UID: types.UID(owner), Controller: new(true)}}
		}
		return s
	}
	c := fake.NewClientBuilder().WithScheme(scheme()).WithObjects(
		of("sub-own", "cus-ada-1", "uid-new"), of("sub-free", "cus-ada-1", ""), of("sub-left", "cus-ada-1", "uid-old"), of("sub-other", "cus-bob-1", "uid-old"),
	).Build()
	got, err := leftBehind(t.Context(), c, ada("7"))
	if diff := cmp.Diff([]string{"sub-left"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// An archive that the operator got after it had erased the customer still has its lines.
func TestMayBeArchived(t *testing.T) {
	noted := func(archive string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: archivenote.ConfigMap}, Data: map[string]string{archivenote.Archive: archive}}
	}
	erased := func(inArchive bool) *v1alpha1.Customer {
		c := ada("7", metav1.Condition{Type: v1alpha1.ConditionErased, Status: metav1.ConditionTrue})
		c.Annotations = map[string]string{v1alpha1.AnnotationErase: "dora: now Ticket 4711"}
		c.Status.Erasure = &v1alpha1.Erasure{Request: v1alpha1.ErasureRequest(c), CompletedAt: &metav1.Time{Time: time.Now()}, Archive: inArchive}
		return c
	}
	for name, tc := range map[string]struct {
		customer *v1alpha1.Customer
		stored   []client.Object
		want     string
	}{
		"an archive since":   {erased(false), []client.Object{noted("s3://trail")}, "s3://trail"},
		"no archive":         {erased(false), []client.Object{noted("")}, ""},
		"nothing is noted":   {erased(false), nil, ""},
		"erased there, too":  {erased(true), []client.Object{noted("s3://trail")}, ""},
		"not yet erased":     {ada("7"), []client.Object{noted("s3://trail")}, ""},
		"there is no object": {ada(""), []client.Object{noted("s3://trail")}, ""},
	} {
		c := fake.NewClientBuilder().WithScheme(scheme()).WithObjects(tc.stored...).Build()
		if got, err := mayBeArchived(t.Context(), c, tc.customer); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tc.want)
		}
	}
	forbids := fake.NewClientBuilder().WithScheme(scheme()).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, archivenote.ConfigMap, errors.New("no"))
		},
	}).Build()
	if _, err := mayBeArchived(t.Context(), forbids, erased(false)); !apierrors.IsForbidden(err) {
		t.Errorf("without the right: %v", err)
	}
}

package apirejection

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	kind     = schema.GroupKind{Group: "billing.tollkeeper.dev", Kind: "Customer"}
	resource = schema.GroupResource{Group: "billing.tollkeeper.dev", Resource: "customers"}
	secret   = "ada@example.com"
)

func TestRejections(t *testing.T) {
	schemaError := apierrors.NewInvalid(kind, "cus-1", field.ErrorList{
		field.Invalid(field.NewPath("status", "email"), secret, "too long: "+secret), field.TooLong(field.NewPath("status", "name"), secret, 3),
	})
	policy := apierrors.NewInvalid(kind, "cus-1", nil)
	policy.ErrStatus.Message = `customers "cus-1" is forbidden: ValidatingAdmissionPolicy 'no-gmail' with binding 'all' denied request: ` + secret
	webhook := apierrors.NewBadRequest(`admission webhook "policy.example.com" denied the request: ` + secret)
	bare := apierrors.NewBadRequest(secret)
	// Policies and webhooks may deny with any code. Their default is 403, which is also the code of missing permissions.
	forbidding := apierrors.NewForbidden(resource, "cus-1", errors.New("ValidatingAdmissionPolicy 'no-gmail' with binding 'all' denied request: "+secret))
	webhook403 := apierrors.NewForbidden(resource, "cus-1", errors.New("no"))
	webhook403.ErrStatus.Message = `admission webhook "policy.example.com" denied the request: ` + secret
	var many field.ErrorList
	for i := range 11 {
		many = append(many, field.Invalid(field.NewPath("spec").Index(i), secret, secret))
	}
	for name, tc := range map[string]struct {
		err  error
		is   bool
		want string
	}{
		"the schema":      {schemaError, true, "the API server refused Customer cus-1 because these fields are invalid: status.email, status.name"},
		"a policy":        {policy, true, "the API server refused Customer cus-1 because ValidatingAdmissionPolicy 'no-gmail' denied it"},
		"a webhook":       {webhook, true, `the API server refused Customer cus-1 because admission webhook "policy.example.com" denied it`},
		"a policy, 403":   {forbidding, true, "the API server refused Customer cus-1 because ValidatingAdmissionPolicy 'no-gmail' denied it"},
		"a webhook, 403":  {webhook403, true, `the API server refused Customer cus-1 because admission webhook "policy.example.com" denied it`},
		"a webhook, 409":  {webhookWith(409, metav1.StatusReasonConflict), true, `the API server refused Customer cus-1 because admission webhook "policy.example.com" denied it`},
		"a webhook, 429":  {webhookWith(429, metav1.StatusReasonTooManyRequests), true, `the API server refused Customer cus-1 because admission webhook "policy.example.com" denied it`},
		"a policy, 401":   {apierrors.NewUnauthorized("ValidatingAdmissionPolicy 'no-gmail' denied request: " + secret), true, "the API server refused Customer cus-1 because ValidatingAdmissionPolicy 'no-gmail' denied it"},
		"no such webhook": {apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example.com": EOF`)), false, ""},
		"many fields": {
			apierrors.NewInvalid(kind, "cus-1", many), true,
			"the API server refused Customer cus-1 because these fields are invalid: spec[0], spec[1], spec[2], spec[3], spec[4], spec[5], spec[6], spec[7] and 3 more",
		},
		"no reason given": {bare, true, "the API server refused Customer cus-1 with the reason BadRequest"},
		"wrapped":         {fmt.Errorf("write: %w", bare), true, "the API server refused Customer cus-1 with the reason BadRequest"},
		"no permission":   {apierrors.NewForbidden(resource, "cus-1", errors.New("no")), false, ""},
		"a conflict":      {apierrors.NewConflict(resource, "cus-1", errors.New("changed")), false, ""},
		"too slow":        {apierrors.NewTimeoutError("slow", 1), false, ""},
		"no answer":       {errors.New("connection refused"), false, ""},
		"none":            {nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Is(tc.err); got != tc.is {
				t.Errorf("Is = %t, want %t", got, tc.is)
			}
			shown := Hide("Customer cus-1", tc.err)
			if !tc.is {
				if shown != tc.err { //nolint:errorlint // the very same error
					t.Errorf("Hide = %v, want the error itself", shown)
				}
				return
			}
			if shown.Error() != tc.want {
				t.Errorf("Hide = %q, want %q", shown, tc.want)
			}
			if strings.Contains(shown.Error(), secret) {
				t.Errorf("a value is repeated: %v", shown)
			}
			var status apierrors.APIStatus
			if !errors.As(shown, &status) || status.Status().Reason == metav1.StatusReasonUnknown {
				t.Error("the kind of rejection is lost")
			}
		})
	}
}

func webhookWith(code int32, reason metav1.StatusReason) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Reason: reason, Message: `admission webhook "policy.example.com" denied the request: ` + secret}}
}

func TestOfField(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"below":            {invalid(field.NewPath("spec", "customer", "email")), true},
		"one of several":   {invalid(field.NewPath("metadata", "labels"), field.NewPath("spec", "type")), true},
		"elsewhere":        {invalid(field.NewPath("metadata", "labels")), false},
		"begins like it":   {invalid(field.NewPath("specimen", "type")), false},
		"itself":           {invalid(field.NewPath("spec")), true},
		"wrapped":          {fmt.Errorf("create: %w", invalid(field.NewPath("spec", "type"))), true},
		"a policy":         {apierrors.NewForbidden(resource, "cus-1", errors.New("ValidatingAdmissionPolicy 'no-gmail' denied request: spec.type")), false},
		"no answer at all": {errors.New("connection refused"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OfField(tc.err, "spec"); got != tc.want {
				t.Errorf("OfField = %t, want %t", got, tc.want)
			}
		})
	}
}

func invalid(paths ...*field.Path) error {
	var all field.ErrorList
	for _, path := range paths {
		all = append(all, field.Invalid(path, secret, secret))
	}
	return apierrors.NewInvalid(kind, "cus-1", all)
}

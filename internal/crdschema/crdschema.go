// Package crdschema validates a status against the schema of its CustomResourceDefinition, in the process.
//
// It runs the API server's own code (structural schema, lists, CEL rules, ratcheting) over the embedded CRDs. So the operator
// learns that a status is invalid before it writes anything, and without a request. It imports no client.
package crdschema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"sigs.k8s.io/yaml"

	crd "github.com/tollkeeper/tollkeeper/config/crd"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// Schemas holds the compiled schema of every kind of the API group. Concurrent use is safe.
type Schemas struct {
	byKind map[string]*compiled
}

// compiled is the schema of one kind in the three forms that the API server checks one after the other.
type compiled struct {
	structural *structuralschema.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator // nil if the schema has no CEL rules
}

// Load compiles the embedded CRDs, once in a process. It fails only if the build embeds a broken one.
func Load() (*Schemas, error) { return loadOnce() }

var loadOnce = sync.OnceValues(compileAll)

func compileAll() (*Schemas, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	schemas := &Schemas{byKind: map[string]*compiled{}}
	for _, file := range files {
		if err := schemas.add(file); err != nil {
			return nil, fmt.Errorf("compile the schema in %s: %w", file, err)
		}
	}
	return schemas, nil
}

func (s *Schemas) add(file string) error {
	text, err := crd.Bases.ReadFile(file)
	if err != nil {
		return err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		return err
	}
	for i := range definition.Spec.Versions {
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
			definition.Spec.Versions[i].Schema.OpenAPIV3Schema, &props, nil); err != nil {
			return err
		}
		c, err := compile(&props)
		if err != nil {
			return err
		}
		s.byKind[definition.Spec.Versions[i].Name+"/"+definition.Spec.Names.Kind] = c
	}
	return nil
}

func compile(props *apiextensions.JSONSchemaProps) (*compiled, error) {
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	openAPI, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	return &compiled{structural, openAPI, cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// InvalidError reports a status that the CRD's schema refuses. It names fields and no values: a value may be personal.
type InvalidError struct{ cause error }

func (e *InvalidError) Error() string {
	return "the schema of its CRD refuses it " + apirejection.Explain(e.cause)
}

// Unwrap returns the error that the API server would answer.
func (e *InvalidError) Unwrap() error { return e.cause }

// IsInvalid reports whether err comes from ValidateStatus.
func IsInvalid(err error) bool {
	_, is := errors.AsType[*InvalidError](err)
	return is
}

// ValidateStatus checks a write of updated's status over current, the object as it is stored. Like the API server it accepts an
// invalid field that the write does not change. It returns an *InvalidError if the schema refuses the write.
func (s *Schemas) ValidateStatus(ctx context.Context, current, updated runtime.Object, kind schema.GroupVersionKind) error {
	c := s.byKind[kind.Version+"/"+kind.Kind]
	if c == nil {
		return fmt.Errorf("no CRD of the kind %s is embedded", kind)
	}
	before, err := runtime.DefaultUnstructuredConverter.ToUnstructured(current)
	if err != nil {
		return err
	}
	after, err := runtime.DefaultUnstructuredConverter.ToUnstructured(updated)
	if err != nil {
		return err
	}
	if errs := c.validateStatus(ctx, before, after); len(errs) > 0 {
		return &InvalidError{apierrors.NewInvalid(kind.GroupKind(), "", errs)}
	}
	return nil
}

// validateStatus follows the API server's strategy for the status subresource of a custom resource. Most statuses are valid as they are:
// what is valid without ratcheting is valid with it, and takes half the time.
func (c *compiled) validateStatus(ctx context.Context, before, after map[string]any) field.ErrorList {
	if c.isValid(ctx, before, after) {
		return nil
	}
	unchanged := common.NewCorrelatedObject(after, before, &model.Structural{Structural: c.structural})
	errs := validation.ValidateCustomResourceUpdate(nil, after, before, c.openAPI, validation.WithRatcheting(unchanged))
	if len(listtype.ValidateListSetsAndMaps(nil, c.structural, before)) == 0 {
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, after)...)
	}
	if len(errs) == 0 && c.rules != nil {
		errs, _ = c.rules.Validate(ctx, nil, c.structural, after, before, celconfig.RuntimeCELCostBudget, cel.WithRatcheting(unchanged))
	}
	return errs
}

// isValid reports whether the schema accepts the status without ratcheting.
func (c *compiled) isValid(ctx context.Context, before, after map[string]any) bool {
	if len(validation.ValidateCustomResource(nil, after, c.openAPI)) > 0 || len(listtype.ValidateListSetsAndMaps(nil, c.structural, after)) > 0 {
		return false
	}
	if c.rules == nil {
		return true
	}
	errs, _ := c.rules.Validate(ctx, nil, c.structural, after, before, celconfig.RuntimeCELCostBudget)
	return len(errs) == 0
}

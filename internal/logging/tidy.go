package logging

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// tidy corrects a line before it is written: what libraries report about themselves is a detail, what is expected is no error,
// and a place in their code helps no operator.
type tidy struct {
	zapcore.Core
	// takes reports whether lines that are logged at the level are for this core.
	takes func(zapcore.Level) bool
}

// Enabled reports whether lines of the level are for this core.
func (c *tidy) Enabled(level zapcore.Level) bool { return c.takes(level) && c.Core.Enabled(level) }

// With returns a core that adds the fields to each line.
func (c *tidy) With(fields []zapcore.Field) zapcore.Core {
	return &tidy{Core: c.Core.With(withoutPlaces(fields)), takes: c.takes}
}

// Check adds this core to the line if it takes it.
func (c *tidy) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write writes the line, unless its corrected level is not logged. The caller is not known before.
func (c *tidy) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	switch {
	case entry.Level < zapcore.DebugLevel: // each verbosity of a library has a level of its own
		entry.Level = zapcore.DebugLevel
	case entry.Level == zapcore.InfoLevel && isLibrary(entry.Caller.Function):
		entry.Level = zapcore.DebugLevel
	case entry.Level == zapcore.ErrorLevel && isExpected(errorOf(fields)):
		entry.Level = zapcore.WarnLevel
	}
	if !c.Core.Enabled(entry.Level) {
		return nil
	}
	return c.Core.Write(entry, withoutPlaces(fields))
}

// withoutPlaces returns the fields without those that only say where a library began something: client-go names a reflector by
// its file and line, and has its type in another field.
func withoutPlaces(fields []zapcore.Field) []zapcore.Field {
	isPlace := func(field zapcore.Field) bool { return field.Key == "reflector" }
	if !slices.ContainsFunc(fields, isPlace) {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), isPlace) // the slice is the caller's
}

// libraries are the modules that log what they do.
var libraries = []string{"sigs.k8s.io/", "k8s.io/"}

func isLibrary(function string) bool {
	for _, library := range libraries {
		if strings.HasPrefix(function, library) {
			return true
		}
	}
	return false
}

// errorOf returns the error of a line; nil if it has none.
func errorOf(fields []zapcore.Field) error {
	for _, field := range fields {
		if err, isError := field.Interface.(error); isError && field.Type == zapcore.ErrorType {
			return err
		}
	}
	return nil
}

// isExpected reports whether an error comes with the life of a cluster and ends by itself: an API server or another host that
// is away for a while, a write that another one came before, the end of the process.
func isExpected(err error) bool {
	if err == nil {
		return false
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if _, isNetwork := errors.AsType[*net.OpError](err); isNetwork || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) {
		return true
	}
	return apierrors.IsConflict(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) ||
		apierrors.IsTooManyRequests(err)
}

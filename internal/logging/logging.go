// Package logging makes the one logger of the process and sends everything to it that would write to stderr by itself:
// klog, client-go, the log and slog packages, and the HTTP servers. So every line of the output is one JSON object.
//
// A line has level, time and msg. No line has a stack trace, apart from a panic's: a stack of calls says nothing about an
// API server that is away.
package logging

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlzap "sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Options say what is logged, and how. The zero value logs level Info as JSON.
type Options struct {
	// Level is the lowest level that is logged. Libraries are one level lower than they say: what controller-runtime and
	// client-go report as Info is Debug here.
	Level Level
	// Format is the form of a line.
	Format Format
}

// Level is a level of the log.
type Level string

// The levels. Empty stands for Info.
const (
	Debug Level = "debug"
	Info  Level = "info"
	Warn  Level = "warn"
	Error Level = "error"
)

// Format is the form of a line.
type Format string

// The forms. Empty stands for JSON.
const (
	JSON    Format = "json"
	Console Format = "console" // for people
)

// ParseLevel returns the level of that name.
func ParseLevel(name string) (Level, error) {
	switch level := Level(name); level {
	case Debug, Info, Warn, Error:
		return level, nil
	default:
		return "", fmt.Errorf("want %s, %s, %s or %s", Debug, Info, Warn, Error)
	}
}

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	switch format := Format(name); format {
	case JSON, Console:
		return format, nil
	default:
		return "", fmt.Errorf("want %s or %s", JSON, Console)
	}
}

func (l Level) zap() zapcore.Level {
	switch l {
	case Debug:
		return zapcore.DebugLevel
	case Warn:
		return zapcore.WarnLevel
	case Error:
		return zapcore.ErrorLevel
	default:
		return zapcore.InfoLevel
	}
}

// Of warnings and errors with the same text, the first problemsPerSecond in each second are logged, and then one in
// problemsPerSecond. A thousand objects that cannot be written are no thousand lines a second. Other lines are never left out.
const problemsPerSecond = 100

// New returns a logger that writes to out, which must take concurrent writes.
func New(out io.Writer, options Options) logr.Logger {
	core := zapcore.NewCore(&ctrlzap.KubeAwareEncoder{Encoder: options.Format.encoder()}, zapcore.AddSync(out), options.Level.zap())
	isProblem := func(level zapcore.Level) bool { return level >= zapcore.WarnLevel }
	whole := &tidy{Core: core, takes: func(level zapcore.Level) bool { return !isProblem(level) }}
	sampled := zapcore.NewSamplerWithOptions(&tidy{Core: core, takes: isProblem}, time.Second, problemsPerSecond, problemsPerSecond)
	logger := zap.New(zapcore.NewTee(whole, sampled), zap.AddCaller(), zap.ErrorOutput(zapcore.AddSync(io.Discard)))
	return zapr.NewLogger(logger)
}

func (f Format) encoder() zapcore.Encoder {
	keys := zap.NewProductionEncoderConfig()
	keys.TimeKey, keys.CallerKey, keys.StacktraceKey = "time", zapcore.OmitKey, zapcore.OmitKey
	keys.EncodeTime = func(t time.Time, out zapcore.PrimitiveArrayEncoder) {
		out.AppendString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if f == Console {
		return zapcore.NewConsoleEncoder(keys)
	}
	return zapcore.NewJSONEncoder(keys)
}

// Install makes logger the one logger of the process.
func Install(logger logr.Logger) {
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	slog.SetDefault(slog.New(logr.ToSlogHandler(logger)))
	log.SetFlags(0)
	log.SetOutput(standardLog{logger})
}

/* symbol_python.c - see symbol_python.h. Names are those of CPython 3.8 to 3.14. */
#include <fnmatch.h>
#include <stddef.h>
#include <string.h>
#include "symbol_python.h"

static bool shown;

void symbols_show_plumbing(bool show) { shown = show; }

bool symbol_python_shows_plumbing(void) { return shown; }

void symbol_python_line(const struct snapshot *s, uint64_t address, struct symbol_line *line)
{
	uint32_t code = frame_code(address);
	const struct tide_code *c = code && code < s->code_count ? &s->codes[code] : NULL;
	const char *name = c ? snapshot_string(s, c->name) : "", *file = c ? snapshot_string(s, c->file) : "";
	const char *qualified = c ? snapshot_string(s, c->qualified) : "";

	*line = (struct symbol_line){
		.function = *name ? name : "[unknown]",
		.file = *file ? file : NULL,
		.line = frame_line(address),
		.has_symbol = *name,
		.language = "python",
		.python = true,
		.interpreter = c ? c->interpreter : 0,
		.qualified = *qualified ? qualified : NULL,
	};
}

bool symbol_python_runs(const struct snapshot *s, uint32_t frame)
{
	/* The parent of a frame is an earlier frame: SN4. */
	for (uint32_t before = UINT32_MAX; frame && frame < s->frame_count && frame < before;) {
		if (s->frames[frame].flags & FRAME_PYTHON)
			return true;
		before = frame;
		frame = s->frames[frame].parent;
	}
	return false;
}

static uint32_t module_flags(const struct snapshot *s, uint32_t frame)
{
	const struct tide_frame *f = &s->frames[frame];

	return f->module < s->module_count && !(f->flags & FRAME_PYTHON) ? s->modules[f->module].flags : 0;
}

bool symbol_python_says_more(const struct snapshot *s, uint32_t frame, const struct symbol_line *line)
{
	return !line->python && (!line->file || (module_flags(s, frame) & MODULE_PYTHON));
}

/* What compilers add (".constprop.0", ".cold") is covered by the last star. */
static const char *const passing[] = {
	/* The eval loop. */
	"_PyEval_*",
	"PyEval_Eval*",
	"_PyFunction_*",
	"function_code_fastcall*",
	"call_function*",
	"do_call*",
	"pyeval_*",
	"_TAIL_CALL_*",
	/* Calls. */
	"_PyObject_Call*",
	"PyObject_Call*",
	"_PyObject_MakeTpCall*",
	"_PyObject_Fast*",
	"_Py_CheckFunctionResult*",
	"cfunction_*",
	"method_call*",
	"type_call*",
	"slot_*",
	"object_vacall*",
	"vgetargs*",
	"wrapper_call*",
	"wrap_*",
	"wrapperdescr_*",
	"methoddescr_*",
	"partial_*",
	"call_method*",
	"vectorcall_*",
	"lookup_maybe_method*",
	"property_descr_get*",
	"_PyMethodDef_*",
	"_PyCFunction*",
	"PyCFunction_Call*",
	"callmethod*",
	"_PyCallMethod*",
	/* Generators and coroutines. */
	"gen_send_ex*",
	"gen_iternext*",
	"_PyGen_*",
	"gen_send*",
	"async_gen_*",
	"coro_*",
	/* The allocators. */
	"PyObject_Malloc*",
	"PyObject_Calloc*",
	"PyObject_Realloc*",
	"PyMem_*",
	"_PyMem_*",
	"_PyObject_Malloc*",
	"_PyObject_Realloc*",
	"_PyObject_Calloc*",
	"_PyObject_Debug*",
	"pymalloc_*",
	"PyType_GenericAlloc*",
	"_PyType_Alloc*",
	"_PyObject_GC_*",
	"PyObject_GC_*",
	"_PyObject_New*",
	"_PyObject_NewVar*",
	"gc_alloc*",
	"tracemalloc_*",
	/* The start of the program. */
	"Py_RunMain*",
	"Py_BytesMain*",
	"Py_Main*",
	"pymain_*",
	"PyRun_*",
	"_PyRun_*",
	"run_mod*",
	"run_eval_*",
	"pyrun_*",
	"run_*file*",
	/* import */
	"PyImport_Import*",
	"_PyImport_*",
	"import_*",
	"builtin_exec*",
	"builtin___build_class__*",
	"builtin___import__*",
};

/* fnmatch converts both to wide characters each time, and there are many frames: most patterns end where their only star
 * is. */
static bool matches(const char *glob, const char *name)
{
	size_t literal = strcspn(glob, "*");

	return !strncmp(glob, name, literal) && (!glob[literal + 1] || !fnmatch(glob, name, 0));
}

static bool is_passing(const char *name)
{
	if (strcasestr(name, "vectorcall"))
		return true;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (matches(passing[i], name))
			return true;
	return false;
}

bool symbol_python_plumbing(bool python, const struct snapshot *s, uint32_t frame,
	const struct symbol_line *line, const size_t *count)
{
	uint32_t flags = module_flags(s, frame);

	if (flags & MODULE_SHIM)
		return true;
	if (!python || !(flags & MODULE_PYTHON))
		return false;
	line += *count - 1;
	/* Interpreters are stripped: a function without a name is one of their own. */
	return !line->has_symbol || is_passing(line->function);
}

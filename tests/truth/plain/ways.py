"""Every way to allocate with every way to lose: C programs, for tests/truth/plain/run.

ALLOCS: the body of make(), and the bytes that it gives (None: not known).
LOSSES: declarations, the body of main, how many blocks of make() are lost when DROP loses, and what else is lost
then ({20B}: twenty times the bytes of make).
"""
import re

ALLOCS = {
 'malloc': ('return malloc(40);', 40),
 'calloc': ('return calloc(5, 9);', 45),
 'realloc': ('return realloc(NULL, 24);', 24),
 'strdup': ('return strdup("tide line");', 10),
 'strndup': ('return strndup("abcdefgh", 5);', 6),
 'asprintf': ('char *p; if (asprintf(&p, "%d bottles of %s", 99, "beer") < 0) abort(); return p;', 19),
 'memalign': ('void *p; if (posix_memalign(&p, 64, 100)) abort(); return p;', 100),
 'aligned': ('return aligned_alloc(32, 96);', 96),
 'array': ('return reallocarray(NULL, 3, 16);', 48),
 'growth': ('char *p = NULL; size_t n = 8; for (; n <= 4096; n *= 2) p = realloc(p, n); return p;', 4096),
 'shrink': ('char *p = malloc(1000); memset(p, 1, 1000); return realloc(p, 50);', 50),
 'large': ('char *p = malloc(300000); p[0] = p[299999] = 1; return p;', 300000),
 'wide': ('return (char *)wcsdup(L"wide");', 20),
 'getline': ('FILE *f = fopen("/proc/self/status", "r"); char *p = NULL; size_t n = 0; if (getline(&p, &n, f) < 0) abort(); fclose(f); return p;', 120),
 'memstream': ('char *p; size_t n; FILE *f = open_memstream(&p, &n); fputs("written to memory", f); fclose(f); return p;', None),
}


LOSSES = {
 'ignored': ('', 'for (int i = 0; i < 3; i++) DROP(make());', 3, []),
 'overwritten': ('', 'char *p = make(); p[0] = 1; DROP(p); p = make(); p[0] = 2; free(p);', 1, []),
 'early_return': ('static int work(int bad) { char *p = make(); if (bad) { DROP(p); return -1; } free(p); return 0; }',
   'for (int i = 0; i < 6; i++) work(i % 2);', 3, []),
 'loop_break': ('', 'for (int i = 0; i < 10; i++) { char *p = make(); if (i == 7) { DROP(p); break; } free(p); }', 1, []),
 'owner_struct': ('struct person { char *name, *mail; int age; };',
   'struct person *x = malloc(sizeof *x); x->name = make(); x->mail = make(); x->age = 3; DROP(x->name); DROP(x->mail); free(x);', 2, []),
 'array_of_pointers': ('', 'char **a = malloc(50 * sizeof *a); for (int i = 0; i < 50; i++) a[i] = make(); for (int i = 0; i < 50; i++) DROP(a[i]); free(a);', 50, []),
 'array_printf': ('', 'char **a = malloc(500 * sizeof *a); for (int i = 0; i < 500; i++) a[i] = make(); for (int i = 0; i < 500; i++) DROP(a[i]); free(a); printf("%d done\\n", 500);', 500, []),
 'array_on_stack': ('static void work(void) { char *a[64]; for (int i = 0; i < 64; i++) a[i] = make(); for (int i = 0; i < 64; i++) DROP(a[i]); }', 'work();', 64, []),
 'list': ('struct node { struct node *next; char *text; };\n'
   'static struct node *push(struct node *l) { struct node *n = malloc(sizeof *n); HIDE(n); n->next = l; n->text = make(); return n; }\n'
   'static void drop_list(struct node *l) { (void)l;\n#if MODE == 1\nwhile (l) { struct node *n = l->next; free(l->text); free(l); l = n; }\n#elif MODE == 2\nkept[0] = l;\n#endif\n}',
   'struct node *l = NULL; for (int i = 0; i < 20; i++) l = push(l); drop_list(l);', 0,
   ['unreferenced blocks=1 bytes=16 site=push', 'indirect blocks=19 bytes=304 site=push', 'indirect blocks=20 bytes={20B} site=make']),
 'list_payload': ('struct node { struct node *next; char *text; };\n'
   'static struct node *push(struct node *l) { struct node *n = malloc(sizeof *n); HIDE(n); n->next = l; n->text = make(); return n; }',
   'struct node *l = NULL; for (int i = 0; i < 20; i++) l = push(l); while (l) { struct node *n = l->next; DROP(l->text); free(l); l = n; }', 20, []),
 'list_reuse': ('struct node { struct node *next; char *text; long pad[3]; };\n'
   'static struct node *push(struct node *l) { struct node *n = malloc(sizeof *n); HIDE(n); n->next = l; n->text = make(); return n; }\nstatic void *again[20];',
   'struct node *l = NULL; for (int i = 0; i < 20; i++) l = push(l); while (l) { struct node *n = l->next; DROP(l->text); free(l); l = n; }'
   'for (int i = 0; i < 20; i++) { again[i] = calloc(1, sizeof *l); }', 20, []),
 'tree': ('struct tree { struct tree *left, *right; char *text; };\n'
   'static struct tree *grow(int depth) { struct tree *t = malloc(sizeof *t); HIDE(t); t->text = make(); t->left = depth ? grow(depth - 1) : NULL; t->right = depth ? grow(depth - 1) : NULL; return t; }\n'
   'static void cut(struct tree *t) { (void)t;\n#if MODE == 1\nif (!t) return; cut(t->left); cut(t->right); free(t->text); free(t);\n#elif MODE == 2\nkept[0] = t;\n#endif\n}',
   'cut(grow(4));', 0, ['unreferenced blocks=1 bytes=24 site=grow', 'indirect blocks=30 bytes=720 site=grow', 'indirect blocks=31 bytes={31B} site=make']),
 'doubly': ('struct node { struct node *next, *prev; };\nstatic struct node *one(void) { struct node *n = malloc(sizeof(struct node)); HIDE(n); return n; }',
   'struct node *a = one(), *b = one(); a->next = b; a->prev = b; b->next = a; b->prev = a; char *p = make(); DROP(p); DROP(a); DROP(b);', 1,
   ['cycle blocks=2 bytes=32 site=one']),
 'global_overwritten': ('static char *volatile current; static void set(char *p) { DROP(current); current = p; }', 'for (int i = 0; i < 5; i++) set(make());', 4, []),
 'static_local': ('static void set(void) { static char *volatile last; DROP(last); last = make(); }', 'for (int i = 0; i < 5; i++) set();', 4, []),
 'thread': ('static void *work(void *u) { (void)u; for (int i = 0; i < 4; i++) DROP(make()); return NULL; }',
   'pthread_t t; pthread_create(&t, NULL, work, NULL); pthread_join(t, NULL);', 4, []),
 'thread_argument': ('static void *work(void *p) { DROP(p); return NULL; }',
   'pthread_t t; pthread_create(&t, NULL, work, make()); pthread_join(t, NULL);', 1, []),
 'thread_result': ('static void *work(void *u) { (void)u; return make(); }',
   'pthread_t t; void *r; pthread_create(&t, NULL, work, NULL); pthread_join(t, &r); DROP(r);', 1, []),
 'thread_array': ('static void *work(void *u) { char *a[30]; (void)u; for (int i = 0; i < 30; i++) a[i] = make(); for (int i = 0; i < 30; i++) DROP(a[i]); return NULL; }',
   'for (int k = 0; k < 3; k++) { pthread_t t; pthread_create(&t, NULL, work, NULL); pthread_join(t, NULL); }', 90, []),
 'goto_cleanup': ('static int work(int n) { char *a = make(), *b = NULL; if (n > 2) goto out; b = make(); free(b); free(a); return 0; out: DROP(a); return 1; }',
   'for (int i = 0; i < 5; i++) work(i);', 2, []),
 'switch': ('static void work(int n) { char *p = make(); switch (n) { case 0: free(p); break; case 1: DROP(p); break; default: free(p); } }',
   'for (int i = 0; i < 9; i++) work(i % 3);', 3, []),
 'callback': ('static int by_value(const void *a, const void *b) { char *p = make(); DROP(p); return *(const int *)a - *(const int *)b; }',
   'int v[2] = { 2, 1 }; qsort(v, 2, sizeof v[0], by_value);', 1, []),
 'longjmp': ('static jmp_buf out; static void deep(int n) { char *volatile p = make(); if (n) deep(n - 1); else longjmp(out, 1); free(p); }\n'
   '#if MODE == 1\nstatic void work(void) { }\n#elif MODE == 2\nstatic void deep2(int n) { DROP(make()); if (n) deep2(n - 1); else longjmp(out, 1); }\nstatic void work(void) { if (!setjmp(out)) deep2(3); }\n#else\n'
   'static void work(void) { if (!setjmp(out)) deep(3); }\n#endif', 'work();', 4, []),
 'out_parameter': ('static int open_it(char **out) { *out = make(); return 0; }',
   'char *p; open_it(&p); DROP(p); open_it(&p); free(p);', 1, []),
 'union': ('union u { char *text; long number; double d; }; static void work(void) { union u x; x.text = make(); DROP(x.text); x.number = 7; if (x.number != 7) abort(); }', 'work();', 1, []),
 'exit_deep': ('static void bye(int n) { if (n) bye(n - 1); else exit(0); }\nstatic void work(void) { for (int i = 0; i < 3; i++) DROP(make()); }',
   'work(); bye(5);', 3, []),
 'recursion': ('static int dig(int n) { char *p = make(); int r = n ? dig(n - 1) + 1 : 0; p[0] = (char)r; DROP(p); return r; }', 'if (dig(10) != 10) abort();', 11, []),
 'variadic': ('static void take(int n, ...) { va_list v; va_start(v, n); for (int i = 0; i < n; i++) DROP(va_arg(v, char *)); va_end(v); }',
   'take(4, make(), make(), make(), make());', 4, []),
 'hash_table': ('struct entry { struct entry *next; char *value; int key; }; struct table { struct entry *bucket[8]; };\n'
   'static void put(struct table *t, int key) { struct entry *e = malloc(sizeof *e); e->next = t->bucket[key & 7]; e->value = make(); e->key = key; t->bucket[key & 7] = e; }',
   'struct table *t = calloc(1, sizeof *t); for (int i = 0; i < 30; i++) put(t, i); for (int i = 0; i < 8; i++) while (t->bucket[i]) { struct entry *e = t->bucket[i]; t->bucket[i] = e->next; DROP(e->value); free(e); } free(t);', 30, []),
 'slots': ('static char *volatile slot[4];', 'for (int i = 0; i < 10; i++) { DROP(slot[i % 4]); slot[i % 4] = make(); }', 6, []),
 'cache_freed': ('', 'char ***c = malloc(3 * sizeof *c); for (int i = 0; i < 3; i++) { c[i] = malloc(4 * sizeof **c); for (int k = 0; k < 4; k++) c[i][k] = make(); } for (int i = 0; i < 3; i++) { for (int k = 0; k < 4; k++) DROP(c[i][k]); free(c[i]); } free(c);', 12, []),
 'vector': ('struct vector { char **item; size_t used, room; }; static void add(struct vector *v, char *p) { if (v->used == v->room) { v->room = v->room ? v->room * 2 : 4; v->item = realloc(v->item, v->room * sizeof *v->item); } v->item[v->used++] = p; }',
   'struct vector v = { 0 }; for (int i = 0; i < 33; i++) add(&v, make()); for (size_t i = 0; i < v.used; i++) DROP(v.item[i]); free(v.item);', 33, []),
 'vector_shrunk': ('', 'char **v = malloc(40 * sizeof *v); for (int i = 0; i < 40; i++) v[i] = make(); for (int i = 10; i < 40; i++) DROP(v[i]); v = realloc(v, 10 * sizeof *v); for (int i = 0; i < 10; i++) free(v[i]); free(v);', 30, []),
 'signal': ('static void handler(int s) { (void)s; DROP(make()); }', 'signal(SIGUSR1, handler); for (int i = 0; i < 3; i++) raise(SIGUSR1);', 3, []),
 'atexit': ('static char *volatile held; static void last(void) { DROP(held); held = NULL; }', 'atexit(last); held = make();', 1, []),
 'abort_free': ('static void work(char **v, int n) { for (int i = 0; i < n; i++) { if (i == n - 1) { DROP(v[i]); return; } free(v[i]); } }',
   'char *v[9]; for (int i = 0; i < 9; i++) v[i] = make(); work(v, 9);', 1, []),
 'swap': ('static void swap(char **a, char **b) { char *t = *a; *a = *b; *b = t; }', 'char *a = make(), *b = make(); swap(&a, &b); DROP(a); free(b);', 1, []),
 'copy_struct': ('struct s { char *p; char text[24]; int n; }; static struct s build(void) { struct s x = { make(), "text", 1 }; return x; }', 'struct s a = build(), b = a; b.n = 2; DROP(b.p);', 1, []),
 'pool': ('char arena[4096]; static size_t top; static void *pool(size_t n) { void *p = arena + top; top += (n + 15) & ~15ul; return p; }',
   'char **v = pool(20 * sizeof *v); for (int i = 0; i < 20; i++) v[i] = make(); for (int i = 0; i < 20; i += 2) { DROP(v[i]); v[i] = NULL; }', 10, []),
 'setvbuf': ('', 'char *b = malloc(4096); setvbuf(stdout, b, _IOFBF, 4096); DROP(make()); puts("hello"); fflush(stdout); setvbuf(stdout, NULL, _IONBF, 0); free(b);', 1, []),
 'errno_path': ('static int read_all(const char *name) { char *p = make(); FILE *f = fopen(name, "r"); if (!f) { DROP(p); return -1; } fclose(f); free(p); return 0; }',
   'read_all("/dev/null"); read_all("/nonexistent"); read_all("/nonexistent/x");', 2, []),
}

# A variable whose address was taken lies in main's frame, which lives on when exit is called below it.
IN_FRAME = ("asprintf", "memalign", "growth", "getline", "memstream", "shrink")
# With --all: each with each. Without: these ways to lose with every way to allocate, the rest with malloc.
WITH_ALL = ("overwritten", "list", "thread_array")


def programs(everything):
    for way, (make, size) in ALLOCS.items():
        for loss, (declarations, body, blocks, more) in LOSSES.items():
            if (way in IN_FRAME and loss == "exit_deep") or (size is None and more):
                continue
            if way != "malloc" and not everything and loss not in WITH_ALL:
                continue
            # What lies uninitialised in these holds old pointers to their like: lost, but not as a root leak.
            if (way, loss) == ("malloc", "vector"):
                continue
            source = (f"static char *make0(void) {{ {make} }}\n"
                      f"static char *make(void) {{ char *p = make0(); HIDE(p); return p; }}\n"
                      f"{declarations}\nint main(void) {{ {body} return 0; }}\n")
            truth = [f"unreferenced blocks={blocks} bytes={blocks * size} site=make0"] if blocks and size else []
            truth += [re.sub(r"\{(\d*)B\}", lambda m: str(int(m[1]) * size), t).replace("site=make", "site=make0") for t in more]
            for mode in range(3) if way == "malloc" or everything else range(2):
                if (loss, mode) != ("longjmp", 1):
                    yield f"{loss} {way}", mode, source, "; ".join(truth) if size else "some"

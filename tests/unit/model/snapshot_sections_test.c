/* snapshot_check: the sections on errors, types, Python and memory. Each bound of FORMAT.md is broken once, and
 * the reader says so in a sentence; the same elements within their bounds are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/model/snapshot.h"
#include "tests/lib/snapshot_folder.h"
#include "tests/lib/snapshot_make.h"

#define ELEMENTS 4u /* as many as snapshot_make has blocks */
#define COUNT(field) offsetof(struct snapshot, field)
#define BROKEN (1ull << 48)

/* Elements that are right, of all sections at once. */
struct sections {
	struct tide_misuse misuses[ELEMENTS];
	struct tide_type types[ELEMENTS];
	struct tide_block_type block_types[ELEMENTS];
	struct tide_owner owners[ELEMENTS];
	struct tide_python_object objects[ELEMENTS];
	struct tide_python_text texts[ELEMENTS];
	struct tide_python_arena pools[ELEMENTS];
	struct tide_arena arenas[ELEMENTS];
	struct tide_region regions[ELEMENTS];
	struct tide_pages pages[ELEMENTS];
	struct tide_chunk chunks[ELEMENTS];
	struct tide_thread_arena thread_arenas[ELEMENTS];
	struct tide_duplicate duplicates[ELEMENTS];
	struct tide_spare spare[ELEMENTS];
	struct tide_native_type native_types[ELEMENTS];
	struct tide_scanned_type scanned_types[ELEMENTS];
	struct tide_layout layouts[ELEMENTS];
	struct tide_member members[ELEMENTS];
	struct tide_variable variables[ELEMENTS];
	struct tide_count counts[ELEMENTS];
	uint8_t values[ELEMENTS];
};

static const struct {
	uint32_t kind;
	size_t at, bytes;
} laid_out[] = {
#define SECTION(kind, field)                                                                                 \
	{                                                                                                    \
		kind, offsetof(struct sections, field), sizeof(((struct sections *)0)->field[0])             \
	}
	SECTION(SECTION_ERRORS, misuses),
	SECTION(SECTION_TYPES, types),
	SECTION(SECTION_BLOCK_TYPES, block_types),
	SECTION(SECTION_OWNERS, owners),
	SECTION(SECTION_OBJECTS, objects),
	SECTION(SECTION_TEXTS, texts),
	SECTION(SECTION_POOL_ARENAS, pools),
	SECTION(SECTION_ARENAS, arenas),
	SECTION(SECTION_REGIONS, regions),
	SECTION(SECTION_PAGES, pages),
	SECTION(SECTION_CHUNKS, chunks),
	SECTION(SECTION_THREAD_ARENAS, thread_arenas),
	SECTION(SECTION_DUPLICATES, duplicates),
	SECTION(SECTION_SPARE, spare),
	SECTION(SECTION_NATIVE_TYPES, native_types),
	SECTION(SECTION_SCANNED_TYPES, scanned_types),
	SECTION(SECTION_LAYOUTS, layouts),
	SECTION(SECTION_MEMBERS, members),
	SECTION(SECTION_VARIABLES, variables),
	SECTION(SECTION_COUNTS, counts),
	SECTION(SECTION_COUNT_VALUES, values),
};

static struct sections make_sections(void)
{
	struct sections x = { 0 };

	for (uint32_t i = 0; i < ELEMENTS; i++) {
		uint64_t at = 0x10000 + i * 0x10000ull;

		x.misuses[i] = (struct tide_misuse){ .kind = MISUSE_DOUBLE_FREE,
			.free_site = 4,
			.allocation_site = 5,
			.first_site = 6,
			.thread = i % 2 ? UINT32_MAX : 1,
			.allocated_by = TIDE_FUNCTION_MALLOC,
			.freed_by = TIDE_FUNCTIONS - 1,
			.place = MISUSE_PLACE_MAPPING };
		x.block_types[i] = (struct tide_block_type){ .type = i, .evidence = EVIDENCE_HEADER };
		x.owners[i] = (struct tide_owner){ .block = i, .owner = 3 - i, .role = OWNER_DATA };
		x.objects[i] =
			(struct tide_python_object){ .block = i, .flags = PYTHON_VALUE_TEXT, .value = i };
		x.pools[i] = (struct tide_python_arena){ .address = at, .bytes = 0x10000 };
		x.arenas[i] = (struct tide_arena){ .address = at, .kind = i ? ARENA_THREAD : ARENA_MAIN };
		x.regions[i] =
			(struct tide_region){ .lo = at, .hi = at + 0x10000, .kind = REGION_HEAP, .item = i };
		x.pages[i] = (struct tide_pages){ .address = at, .pages = 16, .flags = PAGES_RESIDENT };
		x.chunks[i] = (struct tide_chunk){
			.address = at, .bytes = 0x10000, .kind = CHUNK_BIN, .arena = i ? i : UINT32_MAX
		};
		x.thread_arenas[i] = (struct tide_thread_arena){ .thread = i % 2, .arena = i };
		x.duplicates[i] = (struct tide_duplicate){ .content = 7, .block = i };
		x.spare[i] = (struct tide_spare){ .block = i, .kind = SPARE_STRING, .bytes = 8 };
		x.native_types[i] = (struct tide_native_type){ .layout = i, .evidence = EVIDENCE_POINTER };
		x.scanned_types[i] = (struct tide_scanned_type){ i, 0, i, EVIDENCE_SHAPE };
		x.layouts[i] = (struct tide_layout){ .bytes = 16,
			.member = i ? i - 1 : 0,
			.count = i ? 1 : 0,
			.of = i,
			.kind = i ? LAYOUT_STRUCT : LAYOUT_UNKNOWN };
		x.members[i] = (struct tide_member){ .offset = i, .layout = i };
		x.variables[i] = (struct tide_variable){ .root = 0, .address = at, .layout = i };
		x.counts[i] = (struct tide_count){ .site = 4, .first = i, .blocks = ELEMENTS - i };
	}
	return x;
}

/* Writes, opens and checks the snapshot. `left_out`: a section that is not written. */
static void open_sections(const struct sections *x, uint32_t left_out, size_t block_types, struct snapshot *s)
{
	struct snapshot_writer *w = snapshot_make();
	struct tide_error e;

	for (size_t i = 0; i < sizeof(laid_out) / sizeof(laid_out[0]); i++)
		if (laid_out[i].kind != left_out)
			snapshot_writer_section(w, laid_out[i].kind, (uint32_t)laid_out[i].bytes,
				(const char *)x + laid_out[i].at,
				laid_out[i].kind == SECTION_BLOCK_TYPES ? block_types : ELEMENTS,
				SNAPSHOT_COPY);
	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
	assert_int_equal(snapshot_open(path, s, &e), 0);
	snapshot_verify(s);
}

static void accepts_what_is_right(void **state)
{
	struct sections x = make_sections();
	struct snapshot s;

	(void)state;
	open_sections(&x, 0, ELEMENTS, &s);
	if (s.damaged)
		fail_msg("damage: %s", s.damage);
	assert_int_equal(s.misuse_count, ELEMENTS);
	assert_int_equal(s.chunk_count, ELEMENTS);
	assert_int_equal(s.python_object_count, ELEMENTS);
	assert_int_equal(s.owner_count, ELEMENTS);
	snapshot_close(&s);
}

/* One number of element 2 is wrong; the section is left out, or the number becomes a harmless one. */
#define LEAVES_OUT(field, member, value, section, words)                                                     \
	{                                                                                                    \
		offsetof(struct sections, field[2].member), sizeof(((struct sections *)0)->field[2].member), \
			value, COUNT(section), SIZE_MAX, 0, words                                            \
	}
#define MENDS(field, member, value, section, mended, words)                                                  \
	{                                                                                                    \
		offsetof(struct sections, field[2].member), sizeof(((struct sections *)0)->field[2].member), \
			value, COUNT(section),                                                               \
			offsetof(__typeof__(((struct sections *)0)->field[0]), member)                       \
			+ 2 * sizeof(((struct sections *)0)->field[0]),                                      \
			mended, words                                                                        \
	}

static const struct broken {
	size_t at, bytes;
	uint64_t value;
	size_t section; /* in struct snapshot: the count of what is left out, or the pointer to what is mended */
	size_t mended_at;
	uint64_t mended;
	const char *words;
} broken[] = {
	LEAVES_OUT(misuses, kind, 0, misuse_count, "the errors are of kinds that do not exist"),
	LEAVES_OUT(misuses, kind, MISUSE_KINDS, misuse_count, "the errors are of kinds"),
	LEAVES_OUT(misuses, allocated_by, TIDE_FUNCTIONS, misuse_count, "the errors are of kinds"),
	LEAVES_OUT(misuses, freed_by, UINT32_MAX, misuse_count, "the errors are of kinds"),
	LEAVES_OUT(misuses, place, MISUSE_PLACE_MAPPING + 1, misuse_count, "the errors are of kinds"),
	MENDS(misuses, free_site, 7, misuses, 0, "the errors name sites that are not there"),
	MENDS(misuses, allocation_site, UINT32_MAX, misuses, 0, "the errors name sites"),
	MENDS(misuses, first_site, 7, misuses, 0, "the errors name sites"),
	MENDS(misuses, thread, 2, misuses, UINT32_MAX, "the errors name threads that are not there"),
	MENDS(block_types, type, ELEMENTS, block_types, 0,
		"the types of blocks name types that are not there"),
	LEAVES_OUT(
		owners, block, ELEMENTS, owner_count, "the owners of blocks name blocks that are not there"),
	LEAVES_OUT(owners, owner, UINT32_MAX, owner_count, "the owners of blocks name blocks"),
	LEAVES_OUT(owners, block, 1, owner_count, "the owners of blocks are not sorted"),
	LEAVES_OUT(objects, block, ELEMENTS, python_object_count,
		"the Python objects name blocks that are not there"),
	LEAVES_OUT(objects, block, 0, python_object_count, "the Python objects are not sorted"),
	LEAVES_OUT(objects, value, ELEMENTS, python_object_count,
		"the Python objects name texts that are not there"),
	LEAVES_OUT(objects, value, UINT64_MAX, python_object_count, "the Python objects name texts"),
	LEAVES_OUT(pools, bytes, 0x10001, python_arena_count, "the arenas of pymalloc overlap"),
	LEAVES_OUT(pools, bytes, UINT64_MAX, python_arena_count, "the arenas of pymalloc overlap"),
	LEAVES_OUT(pools, address, 0, python_arena_count, "the arenas of pymalloc overlap"),
	LEAVES_OUT(regions, lo, 0x2ffff, region_count, "the regions of memory overlap"),
	LEAVES_OUT(regions, hi, 0x30000, region_count, "the regions of memory overlap"),
	LEAVES_OUT(regions, hi, BROKEN + 1, region_count, "the regions of memory overlap"),
	LEAVES_OUT(regions, item, ELEMENTS, region_count,
		"the regions of memory name arenas that are not there"),
	LEAVES_OUT(regions, resident_bytes, BROKEN + 1, region_count,
		"the regions of memory are larger than any"),
	LEAVES_OUT(regions, swapped_bytes, UINT64_MAX, region_count,
		"the regions of memory are larger than any"),
	LEAVES_OUT(
		regions, huge_bytes, UINT64_MAX, region_count, "the regions of memory are larger than any"),
	LEAVES_OUT(pages, address, 0x2ffff, page_run_count, "the runs of pages overlap"),
	LEAVES_OUT(pages, address, UINT64_MAX, page_run_count, "the runs of pages overlap"),
	LEAVES_OUT(pages, pages, UINT32_MAX, page_run_count, "the runs of pages overlap"),
	LEAVES_OUT(chunks, address, 0x2ffff, chunk_count, "the chunks of the heap overlap"),
	LEAVES_OUT(chunks, bytes, 0x10001, chunk_count, "the chunks of the heap overlap"),
	LEAVES_OUT(chunks, bytes, UINT64_MAX, chunk_count, "the chunks of the heap overlap"),
	MENDS(chunks, arena, ELEMENTS, chunks, UINT32_MAX, "the chunks name arenas that are not there"),
	LEAVES_OUT(thread_arenas, thread, 2, thread_arena_count, "the arenas of threads name threads"),
	LEAVES_OUT(thread_arenas, arena, ELEMENTS, thread_arena_count, "the arenas of threads name arenas"),
	LEAVES_OUT(duplicates, block, ELEMENTS, duplicate_count,
		"the duplicates name blocks that are not there"),
	LEAVES_OUT(
		spare, block, ELEMENTS, spare_count, "the capacity not used name blocks that are not there"),
	LEAVES_OUT(spare, block, 1, spare_count, "the blocks with capacity that is not used are not sorted"),
	MENDS(native_types, layout, ELEMENTS, native_types, 0,
		"the stored types of blocks name layouts of types that are not there"),
	LEAVES_OUT(native_types, evidence, EVIDENCE_HEADER + 1, native_type_count,
		"the stored types have evidence that does not exist"),
	LEAVES_OUT(scanned_types, block, ELEMENTS, scanned_type_count,
		"the stored types of blocks that are scanned name blocks that are not there"),
	LEAVES_OUT(scanned_types, block, 1, scanned_type_count, "the stored types of blocks are not sorted"),
	LEAVES_OUT(scanned_types, evidence, UINT32_MAX, native_type_count, "the stored types of blocks"),
	MENDS(scanned_types, layout, UINT32_MAX, scanned_types, 0,
		"the stored types of blocks that are scanned name layouts"),
	MENDS(layouts, of, ELEMENTS, layouts, 0, "the layouts of types name layouts of types"),
	LEAVES_OUT(layouts, kind, LAYOUT_KINDS, member_count, "the layouts of types are of kinds"),
	LEAVES_OUT(layouts, member, 0, member_count, "the layouts of types name members that are not there"),
	LEAVES_OUT(layouts, member, ELEMENTS, member_count, "the layouts of types name members"),
	LEAVES_OUT(layouts, count, UINT32_MAX, member_count, "the layouts of types name members"),
	LEAVES_OUT(members, offset, 17, member_count, "the layouts of types have members that lie elsewhere"),
	LEAVES_OUT(members, layout, ELEMENTS, member_count, "the members of types name layouts of types"),
	LEAVES_OUT(
		variables, root, UINT32_MAX, variable_count, "the variables name roots that are not there"),
	MENDS(variables, layout, ELEMENTS, variables, 0, "the variables name layouts of types"),
	LEAVES_OUT(variables, address, 0, variable_count, "the variables are not sorted"),
	LEAVES_OUT(counts, first, UINT64_MAX, count_count, "the counts name values that are not there"),
	LEAVES_OUT(counts, blocks, ELEMENTS, count_count, "the counts name values"),
	MENDS(counts, site, 7, counts, 0, "the counts name sites that are not there"),
};

static void refuses_each_bound(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const struct broken *b = &broken[i];
		struct sections x = make_sections();
		struct snapshot s;
		uint64_t mended = 0;

		memcpy((char *)&x + b->at, &b->value, b->bytes);
		open_sections(&x, 0, ELEMENTS, &s);
		if (!s.damaged || !strstr(s.damage, b->words))
			fail_msg("%zu: '%s' is not '%s'", i, s.damaged ? s.damage : "no damage", b->words);
		assert_false(s.process->complete);
		if (b->mended_at == SIZE_MAX) {
			assert_int_equal(*(size_t *)((char *)&s + b->section), 0);
		} else {
			memcpy(&mended, *(char **)((char *)&s + b->section) + b->mended_at, b->bytes);
			assert_int_equal(mended, b->mended);
		}
		snapshot_close(&s);
	}
}

/* What a section refers to is a section that is absent, or of another length. */
static void refuses_what_does_not_fit(void **state)
{
	struct sections x = make_sections();
	struct snapshot s;

	(void)state;
	open_sections(&x, 0, ELEMENTS - 1, &s);
	assert_true(s.damaged);
	assert_non_null(strstr(s.damage, "types and blocks do not fit each other"));
	assert_int_equal(s.block_type_count, 0);
	snapshot_close(&s);

	open_sections(&x, SECTION_ARENAS, ELEMENTS, &s);
	assert_true(s.damaged);
	assert_int_equal(s.region_count, 0);
	assert_int_equal(s.thread_arena_count, 0);
	for (size_t i = 0; i < s.chunk_count; i++)
		assert_int_equal(s.chunks[i].arena, UINT32_MAX);
	snapshot_close(&s);

	open_sections(&x, SECTION_TEXTS, ELEMENTS, &s);
	assert_true(s.damaged);
	assert_int_equal(s.python_object_count, 0);
	snapshot_close(&s);

	open_sections(&x, SECTION_LAYOUTS, ELEMENTS, &s);
	assert_true(s.damaged);
	assert_int_equal(s.layout_count, 1);
	assert_int_equal(s.native_types[3].layout, 0);
	assert_int_equal(s.member_count, 0);
	snapshot_close(&s);

	open_sections(&x, SECTION_NATIVE_TYPES, ELEMENTS, &s);
	assert_int_equal(s.scanned_type_count, 0);
	assert_int_equal(s.variable_count, 0);
	snapshot_close(&s);

	open_sections(&x, SECTION_TYPES, ELEMENTS, &s);
	assert_true(s.damaged);
	assert_int_equal(s.block_types[3].type, 0);
	snapshot_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_is_right),
		cmocka_unit_test(refuses_each_bound),
		cmocka_unit_test(refuses_what_does_not_fit),
	};

	return cmocka_run_group_tests_name(
		"snapshot_sections", tests, snapshot_folder_make, snapshot_folder_remove);
}

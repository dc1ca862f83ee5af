"""nbgrader's settings for the lessons. docs/teaching.md, "Grading", says how to use them.

Copy this file into the folder of your course. nbgrader reads it there.
"""
import os

from nbconvert.preprocessors import TagRemovePreprocessor

c = get_config()  # noqa: F821, nbgrader defines it

c.CourseDirectory.course_id = "collapse"

# What a student does not get: marked lines of an exercise, and cells with the tag "solution".
c.ClearSolutions.begin_solution_delimeter = "// BEGIN SOLUTION"
c.ClearSolutions.end_solution_delimeter = "// END SOLUTION"
c.ClearSolutions.code_stub = {"go": "// YOUR CODE HERE"}
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"solution"}
c.GenerateAssignment.preprocessors.prepend([TagRemovePreprocessor])

# With this variable nb.Check fails the cell of a wrong or missing answer. nbgrader takes the point
# of a cell that fails.
os.environ["COLLAPSE_GRADE"] = "1"

# Seconds a cell may take: the first one compiles, and lesson 00 trains a network.
c.Execute.timeout = 1800
